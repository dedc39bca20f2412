import { ObjectiveContractError } from "./errors.js";
import type { RunMetrics } from "./metrics.js";
import type { RunRecord } from "./run-record.js";

/**
 * What a gate says of a run: `pass`; `fail`; `cannot_fire` (it applies, but this run gave it no chance to
 * fail); `no_evidence` (it applies, and what it looks at was not recorded); `not_applicable` (nothing to
 * guard, as VRAM on a CPU). The first and the last let a run pass.
 */
export type GateOutcome = "pass" | "fail" | "cannot_fire" | "no_evidence" | "not_applicable";

/** A gate's answer: the value it looked at, the limit it held it to, their unit, and the reason in words. */
export interface GateResult {
  readonly outcome: GateOutcome;
  readonly value: number | string | null;
  readonly limit: number | null;
  readonly unit: string | null;
  readonly reason: string;
}

/** A rule every run of a contract is held to. Its name is the string in `fail_reasons` when it fails. */
export interface Gate {
  readonly name: string;
  /** The rule in one sentence. */
  readonly rule: string;
  /** Looks at a run and its computed figures; pure, so that anyone can evaluate it again. */
  readonly evaluate: (run: RunRecord, metrics: RunMetrics) => GateResult;
}

/** A gate's answer under its name, as a verdict lists it. */
export interface NamedGateResult extends GateResult {
  readonly gate: string;
}

/**
 * Defines a gate of one's own. The name must be lower-case words joined by `_`, since it becomes a reason
 * code; throws `invalid_contract` otherwise.
 *
 * @example
 * const warm = defineGate({
 *   name: "too_hot",
 *   rule: "No measured step above 85 C.",
 *   evaluate: (run) => {
 *     const hottest = Math.max(...run.samples.map((sample) => sample.temperature_c ?? NaN));
 *     if (Number.isNaN(hottest)) return gateResult("no_evidence", "a sample has no temperature");
 *     return gateResult(hottest > 85 ? "fail" : "pass", "the hottest step", { value: hottest, limit: 85, unit: "C" });
 *   },
 * });
 */
export function defineGate(gate: Gate): Gate {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(gate.name)) {
    throw new ObjectiveContractError(
      "invalid_contract",
      `A gate's name must be 1 to 64 characters of a-z, 0-9 and _, beginning with a letter; found ${JSON.stringify(gate.name)}.`,
    );
  }
  return Object.freeze({ ...gate });
}

/** A gate result in short: outcome, reason and, where there are any, value, limit and unit. */
export function gateResult(
  outcome: GateOutcome,
  reason: string,
  figures: { readonly value?: number | string | null; readonly limit?: number | null; readonly unit?: string } = {},
): GateResult {
  return {
    outcome,
    value: figures.value ?? null,
    limit: figures.limit ?? null,
    unit: figures.unit ?? null,
    reason,
  };
}
