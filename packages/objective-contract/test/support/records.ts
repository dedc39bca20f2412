import {
  type EnvFacts,
  type RunHeader,
  type RunOutcome,
  type RunRecord,
  type StepSample,
  runOutcome,
} from "@vrx/objective-contract";
import { type RunHeaderInput, createRunHeader } from "@vrx/objective-contract/node";

export const small = {
  schema_version: "workload_schema_v1",
  ant_spec: { ring_len: 2048, slot_dim: 256, ptr_dtype: "fp64", precision: "fp32" },
  colony_spec: { seq_len: 128, synth_len: 64, batch_size: 4, ptr_update_every: 1, state_loop_samples: 0 },
} as const;

export const cpu = { kind: "cpu", name: "cpu", simulated: false } as const;
export const cuda = { kind: "cuda", name: "cuda:0", simulated: false } as const;

export function headerOf(input: Partial<RunHeaderInput> = {}): RunHeader {
  return createRunHeader({
    workload: small,
    engine: "cpu",
    engine_version: "1.0.0",
    device: cpu,
    warmup_steps: 2,
    measure_steps: 20,
    step_time_mode: "perf_counter",
    seed: 7,
    created: new Date(0),
    ...input,
  });
}

export function envOf(facts: Partial<EnvFacts> = {}): EnvFacts {
  return {
    env_schema_version: "v1",
    tool_version: "test",
    generated_utc: "2026-01-01T00:00:00+00:00",
    host: "host",
    os: "Linux",
    arch: "x64",
    cpu_model: "a processor",
    cpu_count: 2,
    total_memory_bytes: 1,
    node_version: "v20.0.0",
    python_version: null,
    torch_version: null,
    cuda_version: null,
    precision: "fp32",
    amp: 0,
    executed_precision: null,
    executed_amp: null,
    executed_device: null,
    executed_step_time_mode: null,
    tf32: null,
    gpu_name: null,
    total_vram_bytes: null,
    compute_capability: null,
    driver_version: null,
    cuda_driver_reported: null,
    driver_model: null,
    nvidia_smi_query: null,
    nvidia_smi_raw: null,
    git_commit: "0".repeat(40),
    git_dirty: 0,
    git_error: null,
    env_vars: {},
    errors: [],
    reasons: {},
    ...facts,
  };
}

/** Samples of a run with these step times, warm-up first, one after the other from second 1 on. */
export function samplesOf(
  warmup: readonly number[],
  measured: readonly number[],
  extra: Partial<StepSample> = {},
): StepSample[] {
  let end_s = 1;
  return [...warmup, ...measured].map((time_s, index) => {
    end_s += time_s;
    const measure = index >= warmup.length;
    return {
      step: measure ? index - warmup.length : index,
      phase: measure ? ("measure" as const) : ("warmup" as const),
      time_s,
      end_s,
      loss: 5,
      ...extra,
    };
  });
}

export const completed: Pick<RunOutcome, "status" | "stop_reason" | "executed"> = {
  status: "completed",
  stop_reason: "measure_steps_reached",
  executed: { precision: "fp32", amp: false },
};

/** A run that passes: 2 warm-up and 20 measured steps of 0.1 s on a CPU. */
export function recordOf(changes: Partial<RunRecord> & { readonly outcome?: RunOutcome } = {}): RunRecord {
  return {
    header: headerOf(),
    env: envOf(),
    samples: samplesOf(
      [0.3, 0.1],
      Array.from({ length: 20 }, () => 0.1),
    ),
    outcome: runOutcome(completed),
    ...changes,
  };
}
