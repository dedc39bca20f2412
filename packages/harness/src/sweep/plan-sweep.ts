import type { TrialStore } from "../store/trial-store.js";
import type { Trial, TrialPlan } from "../trial/trial.js";
import type { TrialStatus } from "../trial/trial-result.js";
import type { Configuration } from "./expand-sweep.js";
import { type StepCosts, stepCosts } from "./step-costs.js";
import type { Knobs } from "./sweep-document.js";

export interface PlannedTrial {
  readonly digest: string;
  readonly kind: TrialPlan["kind"];
  readonly seed: number;
  readonly steps: number;
  readonly status: TrialStatus;
  /** Seconds it is expected to take; null for programs, whose speed nobody here knows. */
  readonly predicted_s: number | null;
}

export interface PlannedConfiguration {
  readonly index: number;
  readonly labels: Knobs;
  /** Why it cannot be run; empty when it can. */
  readonly problems: readonly string[];
  /** What the engine will hold at most; null for programs. */
  readonly predicted_bytes: number | null;
  /** Floating-point operations of all steps of all trials; null for programs. */
  readonly predicted_flops: number | null;
  /** Of all its trials, whether they are done or not; null where one is not known. */
  readonly predicted_s: number | null;
  readonly trials: readonly PlannedTrial[];
}

export interface SweepPlan {
  readonly configurations: readonly PlannedConfiguration[];
  /** Different trials, and how many of them have a result. */
  readonly trials: number;
  readonly done: number;
  /** Seconds that what is left is expected to take, one trial after the other. */
  readonly predicted_s: number;
  /** Trials that are left and not in `predicted_s`. */
  readonly unknown: number;
  /**
   * `nominal`: by the usual speed of the engine; `estimate`: by that of a GPU, which nobody has measured; `measured`: by
   * probes of this sweep that have passed, and how many.
   */
  readonly basis: { readonly kind: "nominal" | "estimate" } | { readonly kind: "measured"; readonly probes: number };
}

/** What starting a trial takes: a process of Node that starts another, and the store. */
const START_S = 0.5;

/** Probes that are looked at for the speed of this host. */
const MEASURED_PROBES = 16;

/**
 * Says what a sweep would run, before anything runs: its trials with their state, and what they are expected to need. With
 * a store in which probes have passed their speed corrects the expected times.
 */
export async function planSweep(
  configurations: readonly Configuration[],
  store: Pick<TrialStore, "states" | "result"> | null = null,
): Promise<SweepPlan> {
  const states = (await store?.states()) ?? new Map<string, { readonly status: TrialStatus }>();
  const statusOf = (digest: string): TrialStatus => states.get(digest)?.status ?? "not_run";
  const costsOf = stepCosts();
  const factors: number[] = [];
  for (const { probe } of configurations) {
    if (store === null || factors.length >= MEASURED_PROBES) break;
    if (probe === null || statusOf(probe.digest) !== "passed") continue;
    const expected = costsOf(probe.plan)?.seconds ?? null;
    const measured = (await store.result(probe.digest))?.figures["median_step_time_s"];
    if (expected !== null && typeof measured === "number" && measured > 0) factors.push(measured / expected);
  }
  const factor = [...factors].sort((a, b) => a - b)[Math.floor(factors.length / 2)] ?? 1;
  const planned = configurations.map((configuration) => plannedOf(configuration, { costsOf, statusOf, factor }));
  const trials = new Map(planned.flatMap((one) => one.trials.map((trial) => [trial.digest, trial] as const)));
  const left = [...trials.values()].filter(({ status }) => status === "not_run");
  return {
    configurations: planned,
    trials: trials.size,
    done: trials.size - left.length,
    predicted_s: left.reduce((sum, { predicted_s }) => sum + (predicted_s ?? 0), 0),
    unknown: left.filter(({ predicted_s }) => predicted_s === null).length,
    basis:
      factors.length > 0
        ? { kind: "measured", probes: factors.length }
        : { kind: configurations.some(({ probe }) => isOnGpu(probe)) ? "estimate" : "nominal" },
  };
}

interface Known {
  readonly costsOf: (plan: TrialPlan) => StepCosts | null;
  readonly statusOf: (digest: string) => TrialStatus;
  /** Measured times over nominal ones. */
  readonly factor: number;
}

function isOnGpu(trial: Trial | null): boolean {
  const runner = trial?.plan.runner;
  return runner?.kind === "ring" && runner.engine === "cuda";
}

function plannedOf(
  { index, labels, problems, probe, capability }: Configuration,
  { costsOf, statusOf, factor }: Known,
): PlannedConfiguration {
  let bytes: number | null = null;
  let flops: number | null = 0;
  let seconds: number | null = 0;
  const trials: PlannedTrial[] = [];
  for (const trial of probe === null ? capability : [probe, ...capability]) {
    const { digest, plan } = trial;
    const steps = stepsOf(plan);
    const costs = costsOf(plan);
    const predicted_s = costs === null ? null : START_S + steps * costs.seconds * factor;
    if (costs !== null) bytes = Math.max(bytes ?? 0, costs.bytes);
    flops = costs === null || flops === null ? null : flops + steps * costs.flops;
    seconds = predicted_s === null || seconds === null ? null : seconds + predicted_s;
    trials.push({ digest, kind: plan.kind, seed: plan.seed, steps, status: statusOf(digest), predicted_s });
  }
  const isKnown = trials.length > 0;
  return {
    index,
    labels,
    problems,
    predicted_bytes: bytes,
    predicted_flops: isKnown ? flops : null,
    predicted_s: isKnown ? seconds : null,
    trials,
  };
}

function stepsOf(plan: TrialPlan): number {
  return plan.kind === "probe" ? plan.warmup_steps + plan.measure_steps : plan.steps;
}
