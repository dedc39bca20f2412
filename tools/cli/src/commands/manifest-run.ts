import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { choice, flag, text } from "../frame/options.js";
import { manifestOperand, manifestOptions } from "./manifest-inputs.js";

const takes = {
  operands: { manifest: manifestOperand },
  options: {
    ...manifestOptions,
    all: flag("run every target, in order, instead of one"),
    data: choice(["generate"], "generate: make small data where there is none", undefined),
    out: text("DIR", "the folder of the artifacts (default: ARTIFACTS_DIR/NAME/TARGET/TIME)", {
      short: "o",
      completes: "directory",
    }),
    "dry-run": flag("print the plan, and run nothing"),
    "writer-url": text("URL", "paper_write: an OpenAI-compatible endpoint that writes the prose (default: none)"),
    "writer-model": text("NAME", "paper_write: the model there"),
    "writer-key-file": text("FILE", "paper_write: a file with the endpoint's key", { completes: "file" }),
    json: jsonOption,
  },
};

/** A call of `vrx manifest run`, and of `vrx run`. */
export type ManifestRunCall = CallOf<typeof takes>;

/** `vrx manifest run` */
export const manifestRun = defineCommand({
  name: "run",
  summary: "run a target of a manifest: train, verify, benchmark, and write what came out",
  description:
    "Run a target of a manifest. An experiment is trained on the embedded engine, verified and benchmarked; its folder has the " +
    "resolved manifest, a log of every run, checkpoints, tables, charts and report.json. A run that was interrupted goes " +
    "on from its last checkpoint when it is run again. What cannot run here is said before anything starts.",
  ...takes,
  interruptible: true,
  examples: [
    {
      does: "a small model on generated data, in less than a minute",
      line: "vrx manifest run preset:mlp_classifier --data generate",
    },
    { does: "another target with another width", line: "vrx run experiment.yml --target quick --set d_model=64" },
    { does: "only what would happen", line: "vrx manifest run experiment.yml --dry-run" },
  ],
  exits: {
    0: "everything ran, and came out as the manifest expects",
    1: "an expectation, a gate or a benchmark failed, or training or a writer came to nothing",
    2: "the manifest is wrong, or something of it cannot run here; nothing was run",
    130: "interrupted by SIGINT; what is done is kept, and running again goes on from there",
    143: "the same, by SIGTERM",
  },
  load: async () => (await import("../actions/manifest-run.js")).run,
});

/** `vrx run`, short for `vrx manifest run`. */
export const run = { ...manifestRun, summary: "short for vrx manifest run" };
