import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { integer, text } from "../frame/options.js";
import { probe } from "./probe.js";

const { options: measured } = probe;

const takes = {
  operands: probe.operands,
  options: {
    ant: measured.ant,
    colony: measured.colony,
    batch: measured.batch,
    heads: measured.heads,
    precision: measured.precision,
    amp: measured.amp,
    "ring-history": measured["ring-history"],
    "warmup-steps": measured["warmup-steps"],
    "measure-steps": measured["measure-steps"],
    engine: measured.engine,
    device: measured.device,
    "fake-driver": measured["fake-driver"],
    seed: measured.seed,
    threads: measured.threads,
    "vram-guard-ratio": measured["vram-guard-ratio"],
    "set-up-limit": measured["set-up-limit"],
    runs: integer("how often the same thing is run", { min: 3, max: 1000, fallback: 10 }),
    keep: text("DIR", "keep the run directories there (default: they stay in memory)", { completes: "directory" }),
    out: text("FILE", "the floors of this host (default: calibration/<host>.json)", { short: "o", completes: "file" }),
    json: jsonOption,
  },
};

/** A call of `vrx calibrate`. */
export type CalibrateCall = CallOf<typeof takes>;

/** `vrx calibrate` */
export const calibrate = defineCommand({
  name: "calibrate",
  summary: "measure a workload against itself: the noise floor of this host",
  description:
    "Run the same thing several times and write down how far apart the runs are. `vrx compare` takes no difference below " +
    "that floor for one. A run that fails or is invalid does not count, and another one takes its place. A floor holds for this host, workload, engine and device; others of the file are kept. Calibrate on " +
    "the machine as it is when you measure: what else runs there is part of its noise.",
  ...takes,
  rest: "COMMAND ARG...",
  interruptible: true,
  examples: [
    { does: "of the small preset, ten runs", line: "vrx calibrate od1_small" },
    { does: "of a training program", line: "vrx calibrate od1_small --precision fp64 --runs 20 -- python3 train.py" },
  ],
  exits: {
    0: "the floor is measured and written",
    2: "the input or the environment is wrong, or the file cannot be written",
    3: "more runs failed than were asked for; nothing is written",
    129: "interrupted by SIGHUP (the terminal is closed), as below",
    130: "interrupted by SIGINT; nothing is written",
    143: "the same, by SIGTERM",
  },
  load: async () => (await import("../actions/calibrate.js")).run,
});
