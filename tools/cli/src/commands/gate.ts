import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { choice, flag, text } from "../frame/options.js";
import { fakeDriverOption } from "./fake-driver-option.js";

const takes = {
  operands: {},
  options: {
    expect: choice(["cuda", "cpu", "any"], "what this host is meant to have (default: any)", "any"),
    device: text("DEVICE", "what a run would ask for: cpu, cuda:0, auto, a GPU's or MIG slice's UUID (default: auto)"),
    preflight: flag("also hold the health of the GPUs against it: ECC, remapped rows, throttling, PCIe lanes"),
    "fake-driver": fakeDriverOption,
    json: jsonOption,
    out: outOption,
  },
};

/** A call of `vrx gate`. */
export type GateCall = CallOf<typeof takes>;

/** `vrx gate` */
export const gate = defineCommand({
  name: "gate",
  summary: "hold this host to the GPUTRAIN rules before anything is trained on it",
  description:
    "Hold this host to the GPUTRAIN rules (docs/gpu/cuda_gate_v1.md): the device grammar, no GPU that quietly becomes the CPU, a " +
    "process shown to be on the GPU, and a version report that claims nothing that is not there. INV-GPUTRAIN-007 is always " +
    "reported and decides with --expect cuda only. Without --device the variables APR_TRAIN_DEVICE and " +
    "VRX_TRAIN_DEVICE name the device; which one did is said.",
  ...takes,
  interruptible: true,
  examples: [
    { does: "in CI, on a runner with a GPU", line: "vrx gate --expect cuda" },
    { does: "in CI, on a runner without", line: "vrx gate --expect cpu" },
    { does: "before a job starts on a node", line: "vrx gate --expect cuda --preflight --json" },
  ],
  exits: {
    0: "what was expected is there",
    1: "a rule that decides fails, or the host is not what was expected",
    2: "the device is none that the grammar knows; nothing was asked",
    3: "nothing failed and it is not enough: the driver does not answer, or the GPU is simulated",
  },
  load: async () => (await import("../actions/gate.js")).run,
});
