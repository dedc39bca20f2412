import type { Fields } from "./internal/fields.js";
import type { RunDevice } from "./run-header.js";
import type { RunRecord } from "./run-record.js";

/**
 * What a run was executed on: what its header says or, where that is `unknown` (a program that was only
 * started), what the workload said of itself once it ran.
 */
export function runDevice({ header, outcome }: Pick<RunRecord, "header" | "outcome">): RunDevice {
  return header.device.kind === "unknown" ? (outcome.device ?? header.device) : header.device;
}

/** Reads a device out of an artifact. */
export function readDevice(fields: Fields): RunDevice {
  fields.only(["kind", "name", "simulated"]);
  return {
    kind: fields.oneOf("kind", ["cpu", "cuda", "unknown"]),
    name: fields.string("name"),
    simulated: fields.boolean("simulated"),
  };
}
