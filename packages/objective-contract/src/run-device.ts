import type { RunDevice } from "./run-header.js";
import type { RunRecord } from "./run-record.js";

/**
 * What a run was executed on: what its header says or, where that is `unknown` (a program that was only
 * started), what the workload said of itself once it ran.
 */
export function runDevice({ header, outcome }: Pick<RunRecord, "header" | "outcome">): RunDevice {
  return header.device.kind === "unknown" ? (outcome.device ?? header.device) : header.device;
}
