// Lets buffers go without disposing of them, and says what the fake driver still holds. Run with --expose-gc.
import { setTimeout as sleep } from "node:timers/promises";
import { withStatistics } from "../../dist/index.js";
import { fakeDriver } from "../../dist/testing.js";

const fake = fakeDriver();
const driver = await fake.open();
const context = await driver.devices[0].openContext();
context.memory = withStatistics(context.memory);
const forget = () => {
  for (let i = 0; i < 3; i += 1) context.alloc(4096, { label: "forgotten" });
};
forget();
for (let i = 0; i < 20 && fake.statistics().device_allocations > 0; i += 1) {
  globalThis.gc();
  await sleep(10);
}
const { device_allocations } = fake.statistics();
console.log(JSON.stringify({ device_allocations, counted: context.memory.counters.allocations.current }));
context.dispose();
fake.dispose();
