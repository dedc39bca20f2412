import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { choice, flag, integer, text } from "../frame/options.js";

const takes = {
  operands: { sweep: operand("SWEEP", "a sweep file, YAML or JSON (docs/sweeps.md)", { completes: "file" }) },
  options: {
    out: text("DIR", "the folder of the sweep (default: sweeps/<name>)", { short: "o", completes: "directory" }),
    executor: choice(
      ["local", "slurm"],
      "local: measure this host and compare it with those measured before; slurm: measure every node of the partition",
      "local",
    ),
    slurm: text("FILE", "slurm: partition, gres and the other options, YAML or JSON (docs/slurm.md)", {
      completes: "file",
    }),
    configuration: integer("whose probe is run, by its number in the sweep (default: the first that can run)", {
      min: 0,
      fallback: undefined,
    }),
    preflight: flag(
      "look at the GPUs of a host first (ECC, remapped rows, clocks, PCIe), and run nothing where they are unfit",
    ),
    again: flag("forget what was measured on these hosts, and measure anew"),
    json: jsonOption,
  },
};

/** A call of `vrx sweep hosts`. */
export type SweepHostsCall = CallOf<typeof takes>;

/** `vrx sweep hosts` */
export const sweepHosts = defineCommand({
  name: "hosts",
  summary: "run one trial of a sweep on every host, and say which are not like the others",
  description:
    "Run the same probe on every host and compare the medians of its steps: a host is slow when its modified z-score (median and " +
    "MAD) is beyond 3.5 and it is at least 2 % from the median. Slow hosts, and those where the probe does not pass, are listed " +
    "in hosts.json; `vrx sweep run --executor slurm --exclude-hosts FILE` keeps trials away from them.",
  ...takes,
  interruptible: true,
  examples: [
    { does: "every node of a partition", line: "vrx sweep hosts my.sweep.yaml --executor slurm --slurm cluster.yaml" },
    { does: "this host, beside those of a shared folder", line: "vrx sweep hosts my.sweep.yaml -o /shared/my-sweep" },
  ],
  exits: {
    0: "every host has a result",
    2: "the file is no sweep, nothing of it can run, or there is no scheduler",
    3: "some hosts have no result",
    129: "interrupted by SIGHUP (the terminal is closed), as below",
    130: "interrupted by SIGINT; what is finished is kept",
    143: "the same, by SIGTERM",
  },
  load: async () => (await import("../actions/sweep-hosts.js")).run,
});
