import { setTimeout as delay } from "node:timers/promises";
import { startWorker } from "../../../src/bullmq/worker.js";
import { fileStore } from "../../file-store.js";

const [connection = "", seconds = "1", once = "no"] = process.argv.slice(2);
const stopping = new AbortController();
process.once("SIGTERM", () => stopping.abort());

await startWorker({
  connection,
  queue: "vrx-test",
  store_dir: null,
  openStore: (dir) => Promise.resolve(fileStore(dir)),
  // Like a child process, the run goes on whatever becomes of the worker, and ends at the wall's time.
  run: async ({ signal }) => {
    const until = Date.now() + Number(seconds) * 1000;
    while (Date.now() < until && !(signal.aborted && once !== "deaf")) await delay(20);
    if (signal.aborted && once !== "deaf") return null;
    return {
      status: "passed",
      reasons: [],
      started_utc: "",
      executor: "",
      gpu_uuid: null,
      simulated: true,
      figures: {},
    };
  },
  devices: [],
  once: once === "once",
  signal: stopping.signal,
  lock_ms: 1_000,
  renew_s: 0.3,
});
