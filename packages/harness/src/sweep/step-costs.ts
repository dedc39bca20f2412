import { type EngineKind, type RingOptions, SIZE_OPTIONS, countFlops, predictMemory } from "@vrx/ring-engine";
import type { WorkloadSpec } from "@vrx/workload-schema";
import type { TrialPlan } from "../trial/trial.js";

/** What a step of the ring is expected to need. */
export interface StepCosts {
  readonly seconds: number;
  /** Floating-point operations. */
  readonly flops: number;
  /** What the engine holds at most. */
  readonly bytes: number;
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

/** What steps of plans are expected to need, null for programs; plans of one workload and the same sizes are worked out once. */
export function stepCosts(): (plan: TrialPlan) => StepCosts | null {
  const known = new Map<WorkloadSpec, Map<string, StepCosts>>();
  return (plan) => {
    const { runner, workload } = plan;
    if (runner.kind !== "ring") return null;
    const { engine } = runner;
    const { threads = 1 } = runner.engine_options;
    const sizes = sizesOf(plan, runner.options);
    let ofWorkload = known.get(workload);
    if (ofWorkload === undefined) known.set(workload, (ofWorkload = new Map<string, StepCosts>()));
    let key = `${engine} ${threads}`;
    for (const name of SIZE_OPTIONS) key += ` ${sizes[name]}`;
    let costs = ofWorkload.get(key);
    if (costs === undefined) ofWorkload.set(key, (costs = costsOf(workload, { engine, threads, sizes })));
    return costs;
  };
}

function sizesOf(plan: TrialPlan, options: Partial<Omit<RingOptions, "expert_heads">>): Partial<RingOptions> {
  const sizes: Record<string, unknown> = {};
  for (const name of SIZE_OPTIONS) {
    const value = name === "expert_heads" ? plan.heads : options[name];
    if (value !== undefined) sizes[name] = value;
  }
  if (plan.kind === "capability") sizes["num_classes"] = plan.task.values;
  return sizes;
}

interface Ring {
  readonly engine: EngineKind;
  readonly threads: number;
  readonly sizes: Partial<RingOptions>;
}

function costsOf(workload: WorkloadSpec, { engine, threads, sizes }: Ring): StepCosts {
  const { batch_size, synth_len } = workload.colony_spec;
  const { position_s, flops_per_s } = NOMINAL[engine];
  const flops = countFlops(workload, sizes).per_step;
  const bytes = predictMemory(workload, sizes, { engine, threads }).total_bytes;
  const seconds =
    engine === "cuda"
      ? synth_len * position_s + flops / flops_per_s
      : // More threads than samples have nothing to do.
        (batch_size * synth_len * position_s + flops / flops_per_s) / Math.min(threads, batch_size);
  return { seconds, flops, bytes };
}
