import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operands } from "../frame/define-command.js";
import { choice, decimal, integer, text } from "../frame/options.js";
import { engineOption, ringHistoryOption } from "./engine-option.js";
import { fakeDriverOption } from "./fake-driver-option.js";

const takes = {
  operands: {
    specs: operands("SPEC", "a spec: a file or a preset; its batch_size is what is looked for", { completes: "spec" }),
  },
  options: {
    heads: text("N[,N...]", "expert heads; each number is searched for each spec (default: 1)"),
    precision: choice(["fp64", "fp32", "fp16", "bf16", "amp"], "replaces the spec's precision", undefined),
    target: decimal("the share of the memory to come closest to (default: 0.85)"),
    low: decimal("the lowest share that ends the search (default: 0.82)"),
    high: decimal("the highest share that ends the search (default: 0.88)"),
    "max-probes": integer("probes at most for each spec", { min: 1, fallback: 10 }),
    "time-limit": integer("seconds one probe may take; a batch that takes longer counts as too large", {
      min: 1,
      max: 86_400,
      fallback: 900,
    }),
    "memory-budget-bytes": integer("search by resident bytes of this budget, for a host without a GPU", {
      min: 1,
      fallback: undefined,
    }),
    "total-vram-bytes": integer("the GPU's memory, to predict by (default: as the driver or nvidia-smi says)", {
      min: 1,
      fallback: undefined,
    }),
    model: text("FILE", "a capacity model to begin with, as `vrx batch fit` writes it", { completes: "file" }),
    engine: engineOption,
    threads: integer("threads of the cpu engine (default: the usable cores)", {
      min: 1,
      max: 1024,
      fallback: undefined,
    }),
    device: text("DEVICE", "what the ring, or a program, is to run on: cuda:0, a GPU's UUID"),
    "ring-history": ringHistoryOption,
    "fake-driver": fakeDriverOption,
    "warmup-steps": integer("steps of a probe before those that count", { min: 0, fallback: 2 }),
    "measure-steps": integer("steps of a probe that count", { min: 1, fallback: 20 }),
    seed: integer("data, initial values and pointers follow from it", { min: 0, fallback: 0 }),
    out: text("DIR", "where the targets, the runs and the learnt limits go (default: batches)", {
      short: "o",
      completes: "directory",
    }),
    json: jsonOption,
  },
};

/** A call of `vrx batch find`. */
export type BatchFindCall = CallOf<typeof takes>;

/** `vrx batch find` */
export const batchFind = defineCommand({
  name: "find",
  summary: "find the batch size that fills the memory, with the fewest probes",
  description:
    "Predict the share of the memory each batch takes, probe, correct the prediction, and stop within the band: two or " +
    "three probes as a rule. A batch that ran out of memory is a limit, also for later searches in the same folder. The " +
    "share is that of reserved GPU memory, which a program after `--` reports; on a host without a GPU it is the " +
    "share of a budget you declare, and is called memory_budget_ratio, never VRAM. What was found is printed and written " +
    "to ant_ratio_batch_targets_v0.json; every probe is a run directory.",
  ...takes,
  rest: "COMMAND ARG...",
  interruptible: true,
  examples: [
    {
      does: "for a training program on this host's GPU",
      line: "vrx batch find od1_small --precision fp16 -- python3 train.py",
    },
    {
      does: "for the ring on a GPU, with a ring kept for every time step",
      line: "vrx batch find od1_small --engine cuda --ring-history materialized",
    },
    {
      does: "for the ring on the CPU, in half a gigabyte",
      line: "vrx batch find od1_small --memory-budget-bytes 500000000",
    },
    {
      does: "two specs with 1 and 4 heads, begun from a model",
      line: "vrx batch find a.json b.json --heads 1,4 --model model.json -- ./train",
    },
  ],
  exits: {
    0: "a passing batch was found for every spec",
    1: "for some spec not even the smallest batch passes",
    2: "the input or the environment is wrong, or a probe could not be made",
    3: "for some spec nobody measures the share of the memory",
    129: "interrupted by SIGHUP (the terminal is closed), as below",
    130: "interrupted by SIGINT; the probes that were made are kept",
    143: "the same, by SIGTERM",
  },
  load: async () => (await import("../actions/batch-find.js")).run,
});
