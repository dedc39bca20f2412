import { type RunException, isObjectiveContractError, saysOutOfMemory } from "@vrx/objective-contract";
import { isHarnessError } from "./errors.js";

/** Why a run stopped: `stop_reason` in its artifacts. */
export type StopReason =
  /** All measured steps were run. */
  | "measure_steps_reached"
  /** A loss is not finite. */
  | "nan_or_inf"
  /** The workload had no more steps. */
  | "too_few_samples"
  /** The watchdog saw no progress. */
  | "no_progress"
  /** The caller's signal was aborted. */
  | "interrupted"
  /** The workload threw. */
  | "exception"
  /** A sample could not be written. */
  | "write_failed"
  /** A sample cannot be one: a program's line that is none, a time longer than the run. */
  | "bad_sample"
  /** A program ended with an exit code other than 0. */
  | "child_exit"
  /** A program was ended by a signal. */
  | "child_killed";

/** The reason that an error thrown during a run amounts to. */
export function stopReasonOf(error: unknown): StopReason {
  if (isHarnessError(error)) {
    const { code } = error;
    return code === "bad_sample" || code === "child_exit" || code === "child_killed" ? code : "exception";
  }
  if (isObjectiveContractError(error)) {
    if (error.code === "run_closed") return "no_progress";
    if (error.code === "invalid_sample") return "bad_sample";
    if (error.code === "write_failed") return "write_failed";
  }
  return "exception";
}

/** What was thrown, for the artifacts. Never throws, whatever the thing thrown does when it is looked at. */
export function exceptionOf(error: unknown): RunException {
  try {
    return described(error);
  } catch {
    return { type: "Error", message: "something was thrown that cannot be described" };
  }
}

function described(error: unknown): RunException {
  if (!(error instanceof Error)) return { type: "Error", message: String(error) };
  const code = "code" in error && typeof error.code === "string" ? error.code : null;
  const { message } = error;
  // The contract knows an exhausted memory by these words, and an engine says it by its code.
  const memory = code === "out_of_memory" && !saysOutOfMemory(message) ? " (out of memory)" : "";
  return { type: [error.name, ...(code === null ? [] : [code])].join(" "), message: `${message}${memory}` };
}
