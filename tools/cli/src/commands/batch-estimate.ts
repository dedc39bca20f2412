import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, optionalOperand } from "../frame/define-command.js";
import { choice, flag, integer, text } from "../frame/options.js";

const takes = {
  operands: {
    spec: optionalOperand("SPEC", "a spec: a file, a preset, or `-`; its batch_size does not matter", {
      completes: "spec",
    }),
  },
  options: {
    ant: text("ANT", "with --colony, instead of SPEC: a preset, a file, or JSON text", { completes: "spec" }),
    colony: text("COLONY", "with --ant, instead of SPEC: a preset, a file, or JSON text", { completes: "spec" }),
    precision: choice(["fp64", "fp32", "fp16", "bf16", "amp"], "replaces the spec's precision", undefined),
    model: text("FILE", "a capacity model; without one the sizes alone are counted", { completes: "file" }),
    "total-vram-bytes": integer("the memory of the GPU to estimate for", { min: 1, fallback: undefined }),
    "env-json": text("FILE", "an env.json of a run on that GPU, instead of --total-vram-bytes", { completes: "file" }),
    "allow-gpu-mismatch": flag("estimate for another GPU than the calibrated one, with warnings"),
    heads: integer("expert heads, where the sizes alone are counted", { min: 1, fallback: 1 }),
    json: jsonOption,
  },
};

/** A call of `vrx batch estimate`. */
export type BatchEstimateCall = CallOf<typeof takes>;

/** `vrx batch estimate` */
export const batchEstimate = defineCommand({
  name: "estimate",
  summary: "say which batch to start with and which is the most, without a GPU",
  description:
    "Print SAFE_START and MAX: the batches that stay within the safe share and the guard of a GPU's memory, by a capacity " +
    "model or, without one, by the sizes alone. A model counts for the GPU it was calibrated on; for another one the " +
    "estimate is refused unless --allow-gpu-mismatch is given. MAX stays below a batch that is known to fail on that GPU.",
  ...takes,
  examples: [
    {
      does: "by a model, for the GPU of a run",
      line: "vrx batch estimate od1_real --model model.json --env-json runs/p/env.json",
    },
    { does: "by the sizes alone, for 16 GiB", line: "vrx batch estimate od1_real --total-vram-bytes 17179869184" },
  ],
  exits: {
    0: "both are printed",
    1: "not even one sample fits",
    2: "the input is wrong, the combination is not in the model, or the GPU is another one",
  },
  load: async () => (await import("../actions/batch-estimate.js")).run,
});
