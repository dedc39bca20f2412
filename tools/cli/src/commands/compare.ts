import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { decimal, text } from "../frame/options.js";

const takes = {
  operands: {
    base: operand("BASE", "a run directory, or a folder of run directories of one thing", { completes: "directory" }),
    next: operand("NEW", "what is compared with it, likewise", { completes: "directory" }),
  },
  options: {
    floor: text("FILE", "the noise floors (default: calibration/<host>.json)", { completes: "file" }),
    threshold: decimal("the difference that counts, as a share: 0.05 is 5 % (default: the noise floor)"),
    json: jsonOption,
    out: outOption,
  },
};

/** A call of `vrx compare`. */
export type CompareCall = CallOf<typeof takes>;

/** `vrx compare` */
export const compare = defineCommand({
  name: "compare",
  summary: "say whether NEW is as fast as BASE: same, faster, slower, ambiguous or incomparable",
  description:
    "Compare the step times of runs, by the 95 % interval of the ratio of their medians (a bootstrap over runs and blocks of " +
    "steps), against the noise floor of the host (`vrx calibrate`). A threshold below the floor is refused. Runs of " +
    "different workloads, hosts, devices or precisions, and runs that failed or are invalid, are not compared, and it is said why.",
  ...takes,
  examples: [
    { does: "two runs", line: "vrx compare runs/before runs/after" },
    { does: "five runs on each side, in CI, where 10 % count", line: "vrx compare base new --threshold 0.1 --json" },
  ],
  exits: {
    0: "same or faster",
    1: "slower",
    2: "a directory holds no run, or the threshold is below the noise floor",
    3: "ambiguous or incomparable: nothing is known, and nothing should pass by it",
  },
  load: async () => (await import("../actions/compare.js")).run,
});
