import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { choice, flag, integer, text } from "../frame/options.js";
import { fakeDriverOption } from "./fake-driver-option.js";

const takes = {
  operands: { sweep: operand("SWEEP", "a sweep file, YAML or JSON (docs/sweeps.md)", { completes: "file" }) },
  options: {
    out: text("DIR", "the folder of the sweep (default: sweeps/<name>)", { short: "o", completes: "directory" }),
    executor: choice(
      ["local", "slurm", "bullmq"],
      "where trials run: on this host, as job arrays of Slurm, or by workers on a queue of Redis (`vrx worker`)",
      "local",
    ),
    device: text(
      "UUIDS",
      "local: GPUs to run on, separated by commas, one trial on each at a time (default: the first, where the engine is cuda)",
    ),
    slurm: text("FILE", "slurm: partition, gres and the other options, YAML or JSON (docs/slurm.md)", {
      completes: "file",
    }),
    "exclude-hosts": text("FILE", "slurm: keep away from the nodes that `vrx sweep hosts` lists in hosts.json", {
      completes: "file",
    }),
    redis: text("URL", "bullmq: the Redis of the queue, such as redis://host:6379"),
    queue: text("NAME", "bullmq: the name of the queue (default: vrx)"),
    shard: text(
      "I/N",
      "run the i-th of n parts, counted from 1, and make no report (default: all, or the place of an array task of Slurm)",
    ),
    parallel: integer("local, without GPUs: trials at a time; two on one machine disturb each other's times", {
      min: 1,
      max: 1024,
      fallback: 1,
    }),
    preflight: flag(
      "look at the GPUs of a host first (ECC, remapped rows, clocks, PCIe), and run nothing where they are unfit",
    ),
    verify: flag("check every result that is there, file by file, before it counts"),
    "fake-driver": fakeDriverOption,
    json: jsonOption,
  },
};

/** A call of `vrx sweep run`. */
export type SweepRunCall = CallOf<typeof takes>;

/** `vrx sweep run` */
export const sweepRun = defineCommand({
  name: "run",
  summary: "run a sweep, or go on with it, and show what came out",
  description:
    "Run every trial of a sweep that has no result yet, each in a process of its own, here or elsewhere, then join cost and capability " +
    "into packets and write the report. A sweep that was interrupted or killed goes on where it was when it is run " +
    "again; two runners on one folder share the work.",
  ...takes,
  interruptible: true,
  examples: [
    { does: "a whole small sweep on the CPU", line: "vrx sweep run workloads/demo.sweep.yaml" },
    { does: "on a cluster", line: "vrx sweep run my.sweep.yaml --executor slurm --slurm cluster.yaml" },
    { does: "the second of four parts, without a scheduler", line: "vrx sweep run my.sweep.yaml --shard 2/4" },
  ],
  exits: {
    0: "every trial that can be run has a result, whatever it says",
    2: "the file is no sweep, the folder cannot be written, or there is no such scheduler or queue",
    3: "some trials ended without a result; running again goes on with them",
    129: "interrupted by SIGHUP (the terminal is closed), as below",
    130: "interrupted by SIGINT; what is finished is kept",
    143: "the same, by SIGTERM",
  },
  load: async () => (await import("../actions/sweep-run.js")).run,
});
