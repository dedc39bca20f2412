import { type CallOf, defineCommand } from "../frame/define-command.js";
import { flag, integer, text } from "../frame/options.js";

const takes = {
  operands: {},
  options: {
    redis: text("URL", "the Redis of the queue: redis://host:port, rediss://... or unix:///path"),
    queue: text("NAME", "the name of the queue (default: vrx)"),
    store: text("DIR", "the store's folder on this host (default: the same path as on the host that asked)", {
      completes: "directory",
    }),
    device: text("UUIDS", "GPUs to run on, separated by commas, one trial on each at a time (default: none)"),
    "lost-after": integer("seconds after which the queue hands on the trial of a worker that is silent", {
      min: 1,
      max: 86_400,
      fallback: 30,
    }),
    preflight: flag(
      "look at the GPUs of a host first (ECC, remapped rows, clocks, PCIe), and run nothing where they are unfit",
    ),
    once: flag("end when nothing waits in the queue any more"),
  },
};

/** A call of `vrx worker`. */
export type WorkerCall = CallOf<typeof takes>;

/** `vrx worker` */
export const worker = defineCommand({
  name: "worker",
  summary: "take trials from a queue on Redis and publish their results",
  description:
    "Take trials that `vrx sweep run --executor bullmq` put into a queue, run each in a process of its own and publish its " +
    "result into the store, which has to be a folder that both hosts see. A worker that hangs and comes back late cannot " +
    "publish. It needs the packages bullmq and ioredis. SIGTERM gives back what runs.",
  ...takes,
  interruptible: true,
  examples: [
    { does: "on a host with two GPUs", line: "vrx worker --redis redis://queue:6379 --device GPU-aa,GPU-bb" },
    { does: "until the sweep is done", line: "vrx worker --redis redis://queue:6379 --once" },
  ],
  exits: {
    0: "with --once: nothing waits any more",
    2: "Redis does not answer, or the packages are missing",
    129: "interrupted by SIGHUP, as below",
    130: "interrupted by SIGINT; what ran was given back",
    143: "the same, by SIGTERM",
  },
  load: async () => (await import("../actions/worker.js")).run,
});
