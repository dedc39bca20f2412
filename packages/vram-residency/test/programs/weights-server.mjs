// Holds weights on a fake driver's device, offers them at a socket, and writes to them when it is told to.
import { randomBytes } from "node:crypto";
import { offerBuffer, openDevice, openTreeHasher } from "@vrx/native-cuda";

const [library, path] = process.argv.slice(2);
const device = await openDevice(0, { library });
const context = await device.openContext();
const buffer = context.alloc(200_000, { shareable: true });
await buffer.copyFrom(randomBytes(200_000));
const hasher = await openTreeHasher(context);
const range = { name: "w", offset: 0, bytes: 200_000 };
const { digest } = await hasher.hash(buffer, range);
offerBuffer(buffer, path);
process.send([{ ...range, tree_digest: digest }]);
process.on("message", async () => {
  await buffer.copyFrom(randomBytes(16), { offset: 100_000 });
  process.send("written");
});
