import { ObjectiveContractError } from "./errors.js";
import type { Gate } from "./gate.js";
import {
  heartbeatStall,
  nanOrInf,
  oom,
  runtimeException,
  stepTimeExplosion,
  timingMissing,
  vramGuard,
  vramStatsFailed,
} from "./gates.js";
import type { ContractReference } from "./run-header.js";

/** The range a VRAM guard ratio may lie in, and what it is when nobody chooses one. */
export interface VramGuardRange {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

/** What a run is held to: gates in the order in which their reasons are listed. */
export interface Contract {
  readonly name: string;
  /** Where the contract is written down; named in every artifact. */
  readonly page: string;
  readonly gates: readonly Gate[];
  readonly vram_guard_ratio: VramGuardRange;
}

/** The page that defines workloads; named in every run beside the contract's own. */
export const WORKLOAD_PAGE = "docs/gpu/workload_schema_v1.md";

/** The page that defines `OBJECTIVE_V1`. */
export const OBJECTIVE_PAGE = "docs/gpu/objective_contract_v1.md";

/**
 * Defines a contract of one's own. Throws `invalid_contract` when a gate's name appears twice, when there is no
 * gate, or when the VRAM guard's range is not `0 < min <= default <= max <= 1`.
 *
 * @example
 * const strict = defineContract({ ...OBJECTIVE_V1, name: "ours_v1", page: "docs/ours.md", gates: [...OBJECTIVE_V1.gates, warm] });
 */
export function defineContract(contract: Contract): Contract {
  const names = contract.gates.map((gate) => gate.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`the gate ${twice} appears twice`);
  if (names.length === 0) throw invalid("it has no gate");
  if (contract.name.length === 0) throw invalid("it has no name");
  const { min, max, default: ratio } = contract.vram_guard_ratio;
  if (!(min > 0 && min <= ratio && ratio <= max && max <= 1)) {
    throw invalid(`vram_guard_ratio must hold 0 < min <= default <= max <= 1; found ${min}, ${ratio}, ${max}`);
  }
  return Object.freeze({ ...contract, gates: Object.freeze([...contract.gates]) });
}

/** The objective and stability contract, version 1 (docs/gpu/objective_contract_v1.md). */
export const OBJECTIVE_V1: Contract = defineContract({
  name: "objective_contract_v1",
  page: OBJECTIVE_PAGE,
  gates: [
    nanOrInf,
    timingMissing,
    stepTimeExplosion,
    vramStatsFailed,
    vramGuard,
    heartbeatStall,
    runtimeException,
    oom,
  ],
  vram_guard_ratio: { min: 0.9, max: 0.92, default: 0.92 },
});

/** What a run header says of its contract. */
export function contractReference(contract: Contract): ContractReference {
  return { name: contract.name, gates: contract.gates.map((gate) => gate.name), page: contract.page };
}

function invalid(what: string): ObjectiveContractError {
  return new ObjectiveContractError("invalid_contract", `This contract cannot be used: ${what}.`);
}
