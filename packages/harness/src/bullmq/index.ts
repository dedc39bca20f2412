export { type BullmqOptions, bullmqExecutor } from "./bullmq-executor.js";
export { type WorkerOptions, startWorker } from "./worker.js";
