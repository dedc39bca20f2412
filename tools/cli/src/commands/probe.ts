import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, optionalOperand } from "../frame/define-command.js";
import { choice, decimal, flag, integer, text } from "../frame/options.js";
import { engineOption, ringHistoryOption } from "./engine-option.js";
import { fakeDriverOption } from "./fake-driver-option.js";

const takes = {
  operands: {
    spec: optionalOperand(
      "SPEC",
      "a spec: a file, a preset (`od1_small` or `preset:od1_small`), or `-` for standard input",
      { completes: "spec" },
    ),
  },
  options: {
    ant: text("ANT", "with --colony, instead of SPEC: a preset, a file, or JSON text; of a whole spec its ant", {
      completes: "spec",
    }),
    colony: text("COLONY", "with --ant, instead of SPEC: a preset, a file, or JSON text; of a whole spec its colony", {
      completes: "spec",
    }),
    batch: integer("replaces the spec's batch_size", { min: 1, fallback: undefined }),
    heads: integer("expert heads", { min: 1, fallback: 1 }),
    precision: choice(["fp64", "fp32", "fp16", "bf16", "amp"], "replaces the spec's precision", undefined),
    amp: choice(
      ["0", "1"],
      "automatic mixed precision (default: 1 for fp16, bf16 and amp, 0 for fp32 and fp64)",
      undefined,
    ),
    "ring-history": ringHistoryOption,
    "warmup-steps": integer("steps before those that count", { min: 0, fallback: 5 }),
    "measure-steps": integer("steps that count; fewer than 20 leave the verdict inconclusive", {
      min: 1,
      fallback: 50,
    }),
    engine: engineOption,
    device: text("DEVICE", "what it runs on: cpu, cuda:0, a GPU's UUID; of a program, what it is expected to run on"),
    "fake-driver": fakeDriverOption,
    seed: integer("data, initial values and pointers follow from it", { min: 0, fallback: 0 }),
    threads: integer("threads of the cpu engine (default: the usable cores)", {
      min: 1,
      max: 1024,
      fallback: undefined,
    }),
    out: text("DIR", "the run directory (default: runs/<utc>_<id>)", { short: "o", completes: "directory" }),
    "vram-guard-ratio": decimal("largest share of the device's memory, 0.90 to 0.92 (default: 0.92)"),
    "set-up-limit": integer("seconds the set-up may be silent (default: 600)", {
      min: 1,
      max: 86_400,
      fallback: undefined,
    }),
    "exit-verdict": flag("exit 0, 1 or 3 by the verdict, instead of 0 once the artifacts are written"),
    "dry-run": flag("say what would be run and where, and run nothing"),
    json: jsonOption,
  },
};

/** A call of `vrx probe`. */
export type ProbeCall = CallOf<typeof takes>;

/** `vrx probe` */
export const probe = defineCommand({
  name: "probe",
  summary: "measure one workload and judge it",
  description:
    "Measure one workload under the objective contract (docs/gpu/objective_contract_v1.md), write the run directory and " +
    "print the verdict. The workload is the ring, executed by vrx in a process of its own, or any program after `--`: it gets " +
    "the spec as VRX_* variables and as a file, and reports each step as one line of JSON on the descriptor " +
    "named in VRX_SAMPLES_FD (docs/any-program.md).",
  ...takes,
  rest: "COMMAND ARG...",
  interruptible: true,
  examples: [
    { does: "the small preset on the fastest engine there is", line: "vrx probe od1_small" },
    { does: "twice, with the same losses bit for bit", line: "vrx probe od1_small --seed 7 --threads 2" },
    { does: "a training program", line: "vrx probe od1_small --precision fp64 -- python3 train.py" },
    { does: "for a script that acts on the verdict", line: "vrx probe my.json --exit-verdict --json -o runs/mine" },
  ],
  exits: {
    0: "the artifacts are written, whatever the verdict (--exit-verdict: it is pass)",
    1: "with --exit-verdict: the verdict is fail",
    2: "the input or the environment is wrong, or the artifacts cannot be written",
    3: "with --exit-verdict: the verdict is inconclusive or invalid",
    129: "interrupted by SIGHUP (the terminal is closed), as below",
    130: "interrupted by SIGINT; what was measured is kept and judged",
    143: "the same, by SIGTERM",
  },
  load: async () => (await import("../actions/probe.js")).run,
});
