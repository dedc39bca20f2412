import { type EngineKind, type RingOptions, countFlops, predictMemory } from "@vrx/ring-engine";
import type { TrialStore } from "../store/trial-store.js";
import type { Trial, TrialPlan } from "../trial/trial.js";
import type { TrialStatus } from "../trial/trial-result.js";
import type { Configuration } from "./expand-sweep.js";
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

/**
 * Usual speeds: seconds for each position, beside operations a second. Those on one core were measured with
 * `npm run bench -- ring-cpu` and are right within a factor of three on other machines; that of a GPU, whose positions
 * are those of a whole batch at once, is the estimate of docs/cuda-engine.md.
 */
const NOMINAL: Readonly<Record<EngineKind, { readonly position_s: number; readonly flops_per_s: number }>> = {
  reference: { position_s: 5e-5, flops_per_s: 0.6e9 },
  cpu: { position_s: 3e-6, flops_per_s: 70e9 },
  cuda: { position_s: 6e-6, flops_per_s: 33e12 },
};

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
  const factors: number[] = [];
  for (const { probe } of configurations) {
    if (store === null || factors.length >= MEASURED_PROBES) break;
    if (probe === null || statusOf(probe.digest) !== "passed") continue;
    const expected = stepSeconds(probe.plan);
    const measured = (await store.result(probe.digest))?.figures["median_step_time_s"];
    if (expected !== null && typeof measured === "number" && measured > 0) factors.push(measured / expected);
  }
  const factor = [...factors].sort((a, b) => a - b)[Math.floor(factors.length / 2)] ?? 1;
  const planned = configurations.map((configuration) => plannedOf(configuration, statusOf, factor));
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

function isOnGpu(trial: Trial | null): boolean {
  const runner = trial?.plan.runner;
  return runner?.kind === "ring" && runner.engine === "cuda";
}

function plannedOf(
  { index, labels, problems, probe, capability }: Configuration,
  statusOf: (digest: string) => TrialStatus,
  factor: number,
): PlannedConfiguration {
  const own = [probe, ...capability].flatMap((trial) => (trial === null ? [] : [trial]));
  const trials = own.map(({ digest, plan }): PlannedTrial => {
    const step_s = stepSeconds(plan);
    const steps = stepsOf(plan);
    const predicted_s = step_s === null ? null : START_S + steps * step_s * factor;
    return { digest, kind: plan.kind, seed: plan.seed, steps, status: statusOf(digest), predicted_s };
  });
  return {
    index,
    labels,
    problems,
    predicted_bytes: most(own.map(bytesOf)),
    predicted_flops: sum(own.map(flopsOf)),
    predicted_s: sum(trials.map(({ predicted_s }) => predicted_s)),
    trials,
  };
}

function stepsOf(plan: TrialPlan): number {
  return plan.kind === "probe" ? plan.warmup_steps + plan.measure_steps : plan.steps;
}

/** The options of a plan's ring; null for programs. */
function ringOf(plan: TrialPlan): {
  readonly engine: EngineKind;
  readonly threads: number;
  readonly options: Partial<RingOptions>;
} | null {
  const { runner, heads } = plan;
  if (runner.kind !== "ring") return null;
  const classes = plan.kind === "capability" ? { num_classes: plan.task.values } : {};
  const { threads = 1 } = runner.engine_options;
  return { engine: runner.engine, threads, options: { ...runner.options, ...classes, expert_heads: heads } };
}

function stepSeconds(plan: TrialPlan): number | null {
  const ring = ringOf(plan);
  if (ring === null) return null;
  const nominal = NOMINAL[ring.engine];
  const { batch_size, synth_len } = plan.workload.colony_spec;
  const flops = countFlops(plan.workload, ring.options).per_step;
  if (ring.engine === "cuda") return synth_len * nominal.position_s + flops / nominal.flops_per_s;
  // More threads than samples have nothing to do.
  const threads = Math.min(ring.threads, batch_size);
  return (batch_size * synth_len * nominal.position_s + flops / nominal.flops_per_s) / threads;
}

function bytesOf({ plan }: Trial): number | null {
  const ring = ringOf(plan);
  if (ring === null) return null;
  return predictMemory(plan.workload, ring.options, { engine: ring.engine, threads: ring.threads }).total_bytes;
}

function flopsOf({ plan }: Trial): number | null {
  const ring = ringOf(plan);
  return ring === null ? null : stepsOf(plan) * countFlops(plan.workload, ring.options).per_step;
}

/** Null where nothing is known, or not everything. */
function sum(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>(
    (all, value) => (all === null || value === null ? null : all + value),
    values.length === 0 ? null : 0,
  );
}

function most(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
