import { type Contract, OBJECTIVE_V1 } from "./contract.js";
import { type Evidence, evidenceLevel } from "./evidence-level.js";
import { type Gate, type NamedGateResult, gateResult } from "./gate.js";
import { type RunMetrics, computeMetrics } from "./metrics.js";
import { MIN_CAPPED_CLOCK_SHARE, cappedSteps, stepRanges, throttledSteps } from "./gpu-throttling.js";
import { runDevice } from "./run-device.js";
import type { ExecutedPrecision } from "./run-outcome.js";
import type { RunRecord } from "./run-record.js";
import { measuredSamples } from "./step-sample.js";

/** `pass`: it counts. `fail`: a gate says no. `inconclusive`: not enough evidence. `invalid`: not evidence of what was asked. */
export type VerdictStatus = "pass" | "fail" | "inconclusive" | "invalid";

/** Why a run is invalid. */
export type InvalidReasonCode =
  | "artifacts_unusable"
  | "artifacts_disagree"
  | "precision_not_executed"
  | "simulated_device"
  | "throttled"
  | "clocks_below_baseline"
  | "foreign_gpu_process"
  | "samples_out_of_order"
  | "timing_inconsistent"
  | "vram_guard_ratio_out_of_range";

/** Why a run is inconclusive. */
export type InconclusiveReasonCode =
  "gate_cannot_fire" | "gate_no_evidence" | "run_not_completed" | "executed_precision_unknown" | "samples_missing";

/** A reason: a code for programs and a sentence for people. */
export interface VerdictReason<Code extends string> {
  readonly code: Code;
  readonly message: string;
}

/** What a contract says of a run, with everything that led to it. */
export interface Verdict {
  readonly status: VerdictStatus;
  readonly contract: string;
  /** True only when `status` is `pass`. */
  readonly stability_pass: boolean;
  /** The names of the gates that failed, in the contract's order. */
  readonly fail_reasons: readonly string[];
  readonly invalid_reasons: readonly VerdictReason<InvalidReasonCode>[];
  readonly inconclusive_reasons: readonly VerdictReason<InconclusiveReasonCode>[];
  readonly gates: readonly NamedGateResult[];
  readonly metrics: RunMetrics;
  readonly evidence: Evidence;
}

/**
 * Judges a run by a contract; pure, so that anyone who has the record comes to the same verdict.
 *
 * Precedence: a gate that fails makes the verdict `fail`, whatever else is wrong; otherwise what makes the run
 * evidence of something else than was asked makes it `invalid`; otherwise a gate that applies and could not
 * fire, or evidence that is missing, makes it `inconclusive`. All reasons are listed in each case.
 */
export function judge(run: RunRecord, contract: Contract = OBJECTIVE_V1): Verdict {
  const metrics = computeMetrics(run);
  const gates = contract.gates.map((gate) => evaluate(gate, run, metrics));
  const fail_reasons = gates.filter((result) => result.outcome === "fail").map((result) => result.gate);
  const invalid_reasons = whyInvalid(run, contract, metrics);
  const inconclusive_reasons = whyInconclusive(run, gates);
  const status = verdictStatus(fail_reasons.length, invalid_reasons.length, inconclusive_reasons.length);
  return {
    status,
    contract: contract.name,
    stability_pass: status === "pass",
    fail_reasons,
    invalid_reasons,
    inconclusive_reasons,
    gates,
    metrics,
    evidence: evidenceLevel(run, status),
  };
}

function verdictStatus(fails: number, invalids: number, inconclusives: number): VerdictStatus {
  if (fails > 0) return "fail";
  if (invalids > 0) return "invalid";
  return inconclusives > 0 ? "inconclusive" : "pass";
}

function evaluate(gate: Gate, run: RunRecord, metrics: RunMetrics): NamedGateResult {
  try {
    return { gate: gate.name, ...gate.evaluate(run, metrics) };
  } catch (error) {
    // A gate with a defect has said nothing, and silence is never a pass.
    const message = error instanceof Error ? error.message : String(error);
    return { gate: gate.name, ...gateResult("no_evidence", `the gate threw: ${message}`) };
  }
}

function whyInvalid(run: RunRecord, contract: Contract, metrics: RunMetrics): VerdictReason<InvalidReasonCode>[] {
  const { header, outcome } = run;
  const reasons: VerdictReason<InvalidReasonCode>[] = [];
  const { executed } = outcome;
  if (executed !== null && !executedAsAsked(header, executed)) {
    reasons.push({
      code: "precision_not_executed",
      message: `asked for ${precisionName(header)}, executed ${precisionName(executed)}`,
    });
  }
  const device = runDevice(run);
  if (device.simulated) {
    reasons.push({ code: "simulated_device", message: `${device.name} is a simulated device` });
  }
  reasons.push(...whyDisturbed(run));
  const disorder = findDisorder(run);
  if (disorder !== null) reasons.push({ code: "samples_out_of_order", message: disorder });
  const contradiction = findContradiction(run, metrics);
  if (contradiction !== null) reasons.push({ code: "timing_inconsistent", message: contradiction });
  const { min, max } = contract.vram_guard_ratio;
  if (!(header.vram_guard_ratio >= min && header.vram_guard_ratio <= max)) {
    reasons.push({
      code: "vram_guard_ratio_out_of_range",
      message: `vram_guard_ratio is ${header.vram_guard_ratio}; the contract allows ${min} to ${max}`,
    });
  }
  return reasons;
}

/** `amp` asks for mixed precision and leaves its format open: fp16 and bf16 are answers to it. */
function executedAsAsked(asked: ExecutedPrecision, executed: ExecutedPrecision): boolean {
  if (executed.amp !== asked.amp) return false;
  if (asked.precision === "amp") return ["amp", "fp16", "bf16"].includes(executed.precision);
  return executed.precision === asked.precision;
}

function precisionName(p: { readonly precision: string; readonly amp: boolean }): string {
  return `${p.precision} (amp ${p.amp ? "on" : "off"})`;
}

/** What made the GPU another one than it is: heat, a lack of power, other people's work. */
function whyDisturbed(run: RunRecord): VerdictReason<InvalidReasonCode>[] {
  const reasons: VerdictReason<InvalidReasonCode>[] = [];
  const { gpu } = run.outcome;
  const measured = measuredSamples(run.samples).length;
  const throttled = throttledSteps(run.samples);
  if (throttled.length > 0) {
    const why = [...new Set(throttled.flatMap((step) => step.reasons))].join(", ");
    const steps = stepRanges(throttled.map(({ step }) => step));
    reasons.push({
      code: "throttled",
      message: `measured steps ${steps} (${throttled.length} of ${measured}) were throttled: ${why}`,
    });
  }
  const capped = cappedSteps(run);
  if (capped.length > 0) {
    const lowest = capped.reduce((least, { sm_clock_mhz }) => Math.min(least, sm_clock_mhz ?? Infinity), Infinity);
    reasons.push({
      code: "clocks_below_baseline",
      message:
        `a power cap held measured steps ${stepRanges(capped.map(({ step }) => step))} (${capped.length} of ${measured}) at ` +
        `${lowest} MHz or more, below ${MIN_CAPPED_CLOCK_SHARE} of this host's ${gpu?.baseline_sm_clock_mhz ?? 0} MHz`,
    });
  }
  const foreign = gpu?.foreign_processes ?? 0;
  if (foreign > 0) {
    const who = foreign === 1 ? "another process was" : `${foreign} other processes were`;
    reasons.push({ code: "foreign_gpu_process", message: `${who} on the GPU during the run` });
  }
  return reasons;
}

/** Samples stand in the order in which they happened: the warm-up, then the measured steps, each counted from 0. */
function findDisorder({ samples, header }: RunRecord): string | null {
  const next = { warmup: 0, measure: 0 };
  let end_s = 0;
  for (const [index, sample] of samples.entries()) {
    if (sample.phase === "warmup" && next.measure > 0) return `sample ${index}: a warm-up step after a measured one`;
    if (sample.step !== next[sample.phase]) {
      return `sample ${index}: ${sample.phase} step ${next[sample.phase]} expected, found ${sample.step}`;
    }
    if (!(sample.end_s >= end_s)) return `sample ${index}: ends at ${sample.end_s} s, before the one above it`;
    next[sample.phase]++;
    end_s = sample.end_s;
  }
  if (next.warmup > header.warmup_steps) return `${next.warmup} warm-up steps, ${header.warmup_steps} announced`;
  if (next.measure > header.measure_steps) return `${next.measure} measured steps, ${header.measure_steps} announced`;
  if (next.measure > 0 && next.warmup < header.warmup_steps) {
    return `measured steps after only ${next.warmup} of ${header.warmup_steps} warm-up steps`;
  }
  return null;
}

/**
 * Steps follow one another, so their times cannot add up to more than the wall time around them; 5 % and
 * 50 ms are left for clocks that differ (a device's, another process's).
 */
function findContradiction({ samples }: RunRecord, metrics: RunMetrics): string | null {
  const measured = measuredSamples(samples);
  const first = measured[0];
  const last = measured[measured.length - 1];
  if (first === undefined || last === undefined) return null;
  const wall_s = last.end_s - (first.end_s - first.time_s);
  const sum_s = measured.reduce((sum, sample) => sum + sample.time_s, 0);
  const complete = metrics.measured_steps === metrics.measure_steps;
  if (!Number.isFinite(wall_s + sum_s) || (complete && wall_s > 0 && metrics.throughput_tokens_per_s === null)) {
    return "the measured steps take times that no clock shows: their figures are beyond what a number can hold";
  }
  if (sum_s <= wall_s * 1.05 + 0.05) return null;
  return `the measured steps take ${sum_s.toFixed(3)} s together, but only ${wall_s.toFixed(3)} s passed`;
}

function whyInconclusive(
  { outcome, samples }: RunRecord,
  gates: readonly NamedGateResult[],
): VerdictReason<InconclusiveReasonCode>[] {
  const reasons: VerdictReason<InconclusiveReasonCode>[] = [];
  for (const { gate, outcome: said, reason } of gates) {
    if (said === "cannot_fire") reasons.push({ code: "gate_cannot_fire", message: `${gate}: ${reason}` });
    if (said === "no_evidence") reasons.push({ code: "gate_no_evidence", message: `${gate}: ${reason}` });
  }
  if (outcome.status !== "completed") {
    reasons.push({ code: "run_not_completed", message: `the run was ${outcome.status}: ${outcome.stop_reason}` });
  }
  if (outcome.executed === null) {
    reasons.push({ code: "executed_precision_unknown", message: "nothing says which precision was executed" });
  }
  if (samples.length === 0) reasons.push({ code: "samples_missing", message: "there is no sample" });
  return reasons;
}
