import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { flag } from "../frame/options.js";
import { fakeDriverOption } from "./fake-driver-option.js";

const takes = {
  operands: {},
  options: {
    ceilings: flag("also measure what each GPU can do (seconds), and keep it for this host"),
    "fake-driver": fakeDriverOption,
    json: jsonOption,
    out: outOption,
  },
};

/** A call of `vrx doctor`. */
export type DoctorCall = CallOf<typeof takes>;

/** `vrx doctor` */
export const doctor = defineCommand({
  name: "doctor",
  summary: "say what GPU support is built in, what the driver sees, and why not",
  description:
    "Say what GPU support is built in, what the driver sees and why not, with what to do; which GPUs are healthy enough to " +
    "measure on; and what `vrx gate` would say. The driver is asked in a process of its own and cannot make vrx hang. " +
    "Exit code 0 whatever is found: `vrx gate` is for scripts.",
  ...takes,
  interruptible: true,
  examples: [
    { does: "what a problem report about a GPU needs", line: "vrx doctor" },
    { does: "for a program", line: "vrx doctor --json" },
    { does: "copy speed, integer and fp32 rate of every GPU", line: "vrx doctor --ceilings" },
  ],
  load: async () => (await import("../actions/doctor.js")).run,
});
