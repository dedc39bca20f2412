// Works on a device of the given fake driver in a worker thread, and leaves three things for the thread's end to free.
import { parentPort, workerData } from "node:worker_threads";
import { openDevice } from "../../dist/index.js";

const device = await openDevice(workerData.device, { library: workerData.library });
const context = await device.openContext();
const stream = context.createStream();
const buffer = context.alloc(64);
let sum = 0;
for (let i = 0; i < 50; i += 1) {
  buffer.fill(5, { stream });
  const bytes = new Uint8Array(64);
  await buffer.copyTo(bytes, { stream });
  sum += bytes.reduce((total, byte) => total + byte, 0);
  buffer.fill(0, { stream });
}
parentPort.postMessage({ sum, left: 3 });
