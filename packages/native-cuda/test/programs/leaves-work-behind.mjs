// Ends with copies, waits and allocations under way: by process.exit, by returning, or by an exception.
import { fakeDriver } from "../../dist/testing.js";

const fake = fakeDriver({ devices: 2, delay_us: 2000 });
process.on("exit", () => fake.dispose());
const driver = await fake.open();
for (const device of driver.devices) {
  const context = await device.openContext();
  const stream = context.createStream();
  const buffers = Array.from({ length: 8 }, () => context.alloc(1 << 16, { shareable: true }));
  const host = context.allocHost(1 << 16);
  for (const buffer of buffers) buffer.copyFromHost(host, { stream });
  void buffers[0].copyFrom(new Uint8Array(1 << 16), { stream }).catch(() => undefined);
  void stream.synchronize().catch(() => undefined);
}
console.log("busy");
if (process.argv[2] === "exit") process.exit(0);
if (process.argv[2] === "throw") {
  process.on("uncaughtException", () => process.exit(7));
  throw new Error("the end");
}
