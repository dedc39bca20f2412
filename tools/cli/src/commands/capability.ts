import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { integer, text } from "../frame/options.js";
import { engineOption } from "./engine-option.js";
import { fakeDriverOption } from "./fake-driver-option.js";

const takes = {
  operands: { spec: operand("SPEC", "a spec: a file, a preset, or `-` for standard input", { completes: "spec" }) },
  options: {
    "ring-tokens": integer("the budget to train: steps follow from batch_size and seq_len", {
      min: 1,
      fallback: undefined,
    }),
    steps: integer("steps to train, instead of a budget", { min: 1, fallback: undefined }),
    keys: integer("different keys", { min: 2, fallback: 4 }),
    pairs: integer("pairs of a key and a value in one sample", { min: 1, fallback: 2 }),
    values: integer("different values, which are the classes", { min: 2, fallback: 4 }),
    "train-samples": integer("samples to train on", { min: 1, fallback: 8192 }),
    "eval-samples": integer("samples to evaluate on, none of which is trained on", { min: 1, fallback: 1024 }),
    heads: integer("expert heads", { min: 1, fallback: 1 }),
    options: text("NAME=VALUE[,...]", "options of the ring, such as learning_rate=0.003"),
    engine: engineOption,
    threads: integer("threads of the cpu engine (default: the usable cores)", {
      min: 1,
      max: 1024,
      fallback: undefined,
    }),
    seed: integer("data, initial values and pointers follow from it", { min: 0, max: 2 ** 32 - 1, fallback: 0 }),
    out: text("DIR", "the folder of report.json and the checkpoint (default: capability/<id>_seed<seed>)", {
      short: "o",
      completes: "directory",
    }),
    "fake-driver": fakeDriverOption,
    json: jsonOption,
  },
};

/** A call of `vrx capability`. */
export type CapabilityCall = CallOf<typeof takes>;

/** `vrx capability` */
export const capability = defineCommand({
  name: "capability",
  summary: "train a workload on associative recall and measure it on unseen data",
  description:
    "Train the ring on associative recall for a number of ring tokens, evaluate it on samples it has not seen, and write " +
    "report.json (docs/capability.md), which `vrx packet build` joins with a probe. Training keeps a checkpoint every " +
    "five seconds: the same command goes on from it bit for bit after an interruption or a kill.",
  ...takes,
  interruptible: true,
  examples: [
    {
      does: "a task that is learnt within seconds",
      line: "vrx capability my.json --ring-tokens 512000 --options learning_rate=0.003 --seed 1 --threads 1",
    },
    {
      does: "a harder one, in a folder of its own",
      line: "vrx capability my.json --steps 6000 --pairs 3 --keys 8 --values 8 -o assoc/hard",
    },
  ],
  exits: {
    0: "report.json is written, whatever it says",
    1: "the loss is no number any more: there is nothing to report",
    2: "the input or the environment is wrong, or the folder holds a report already",
    129: "interrupted by SIGHUP (the terminal is closed), as below",
    130: "interrupted by SIGINT; the checkpoint is kept",
    143: "the same, by SIGTERM",
  },
  load: async () => (await import("../actions/capability.js")).run,
});
