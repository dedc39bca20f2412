import { operand, operands } from "../frame/define-command.js";
import { choice } from "../frame/options.js";

const summary = "a spec: a file, a preset (`od1_small` or `preset:od1_small`), or `-` for standard input";

/** One workload spec. */
export const specOperand = operand("SPEC", summary, { completes: "spec" });

/** One or more workload specs. */
export const specOperands = operands("SPEC", summary, { completes: "spec" });

/** `--dialect`, for commands that read specs. */
export const dialectOption = choice(
  ["strict", "python"],
  "which JSON is read: strict, or all that Python's json.loads takes (duplicate keys, NaN in labels)",
  "strict",
);
