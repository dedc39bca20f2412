import { type Contract, OBJECTIVE_V1 } from "./contract.js";
import { type Gate, gateResult } from "./gate.js";
import type { RunHeader } from "./run-header.js";
import type { RunOutcome } from "./run-outcome.js";

/**
 * The contract a run is held to: one of `known` or `OBJECTIVE_V1` by name; failing that, the gates its header
 * names, of which those that are not known here leave no evidence. What completes a run in the run's place
 * (`outcome.completed_by`) has no functions of the caller's, so its artifacts are always read that way.
 */
export function contractOf(
  header: RunHeader,
  outcome: Pick<RunOutcome, "completed_by">,
  known: readonly Contract[] = [],
): Contract {
  const { name, page, gates } = header.contract;
  if (name === OBJECTIVE_V1.name) return OBJECTIVE_V1;
  const own = outcome.completed_by === "run" ? known.find((contract) => contract.name === name) : undefined;
  if (own !== undefined) return own;
  return { name, page, gates: gates.map(gateOf), vram_guard_ratio: OBJECTIVE_V1.vram_guard_ratio };
}

function gateOf(name: string): Gate {
  return (
    OBJECTIVE_V1.gates.find((gate) => gate.name === name) ?? {
      name,
      rule: "A gate of a contract that is not known here.",
      evaluate: () => gateResult("no_evidence", "this gate is not known to what judged the run"),
    }
  );
}
