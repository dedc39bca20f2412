import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operands } from "../frame/define-command.js";
import { text } from "../frame/options.js";
import { engineOption } from "./engine-option.js";
import { fakeDriverOption } from "./fake-driver-option.js";

const takes = {
  operands: {
    goldens: operands("GOLDEN.json", "a recorded run of the ring model, or `-` for standard input", {
      completes: "file",
    }),
  },
  options: {
    engine: engineOption,
    device: text("DEVICE", "what the cuda engine runs on: cuda:0, or a GPU's UUID"),
    "fake-driver": fakeDriverOption,
    json: jsonOption,
    out: outOption,
  },
};

/** A call of `vrx ring verify`. */
export type RingVerifyCall = CallOf<typeof takes>;

/** `vrx ring verify` */
export const ringVerify = defineCommand({
  name: "verify",
  summary: "replay recorded runs of the ring model on an engine and compare everything",
  description:
    "Replay recorded runs of the ring model on an engine, and compare logits, loss, gradients, parameters and the trace. " +
    "An error is max|a-b| / max|b| of a tensor, and the largest of a group counts: at most 1e-9 for recordings in " +
    "fp64 and 1e-3 in fp32. Runs whose pointers are chaotic are compared in their first step, with the pointers of the " +
    "trace; what is left out is said.",
  ...takes,
  examples: [
    { does: "whether the engine here meets all recordings of a folder", line: "vrx ring verify goldens/*.json" },
    { does: "a recording on the oracle, for a program", line: "vrx ring verify golden.json --engine reference --json" },
  ],
  exits: {
    0: "every recording is met",
    1: "a recording is not met",
    2: "a file is no recording, or the engine cannot execute it; the others are still replayed",
  },
  load: async () => (await import("../actions/ring-verify.js")).run,
});
