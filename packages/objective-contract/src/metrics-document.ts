import type { JsonObject, JsonValue } from "./json.js";
import type { Verdict, VerdictReason } from "./judge.js";
import { contractHeartbeat } from "./heartbeat.js";
import { outcomeDocument } from "./outcome-document.js";
import { runDevice } from "./run-device.js";
import type { RunRecord } from "./run-record.js";

/** SHA-256 of the artifacts that hold the evidence, as 64 hexadecimal digits each. */
export interface EvidenceDigests {
  readonly "env.json": string;
  readonly "run_cmd.txt": string;
  readonly "samples.jsonl": string;
}

/**
 * The content of `metrics.json`: the 16 keys that the contract requires, then the extras of the contract's
 * tool, then this package's own. `metrics.csv` has the same keys in the same order.
 */
export function metricsDocument(run: RunRecord, verdict: Verdict, artifacts: EvidenceDigests | null): JsonObject {
  const { header, outcome, env } = run;
  const { metrics } = verdict;
  const { exception, executed, stall } = outcome;
  const device = runDevice(run);
  const floor_s = header.heartbeat?.floor_s ?? contractHeartbeat.floor_s;
  return {
    batch_size: metrics.batch_size,
    seq_len: metrics.seq_len,
    warmup_steps: metrics.warmup_steps,
    measure_steps: metrics.measure_steps,
    measure_wall_time_s: metrics.measure_wall_time_s,
    median_step_time_s: metrics.median_step_time_s,
    p95_step_time_s: metrics.p95_step_time_s,
    throughput_samples_per_s: metrics.throughput_samples_per_s,
    throughput_tokens_per_s: metrics.throughput_tokens_per_s,
    peak_vram_reserved_bytes: metrics.peak_vram_reserved_bytes,
    peak_vram_allocated_bytes: metrics.peak_vram_allocated_bytes,
    had_oom: metrics.had_oom,
    had_nan: metrics.had_nan,
    had_inf: metrics.had_inf,
    stability_pass: verdict.stability_pass,
    fail_reasons: verdict.fail_reasons,

    workload_id: header.workload_id,
    probe_id: header.probe_id,
    synth_len: metrics.synth_len,
    out_dim: header.out_dim,
    device: device.name,
    precision: header.precision,
    amp: header.amp ? 1 : 0,
    vram_guard_ratio: header.vram_guard_ratio,
    heartbeat_stall_detected: outcome.status === "stalled",
    heartbeat_stall_threshold_s: stall?.threshold_s ?? null,
    heartbeat_last_progress_age_s: stall?.last_progress_age_s ?? null,
    step_time_mode: outcome.step_time_mode ?? header.step_time_mode,
    runtime_exception_msg: exception === null ? null : `${exception.type}: ${exception.message}`,
    debug_stall_after_step: -1,
    debug_stall_s: 0,
    debug_stall_threshold_s: floor_s < contractHeartbeat.floor_s ? floor_s : 0,

    schema_version: header.schema_version,
    workload_digest: header.workload_digest,
    run_options_digest: header.run_options_digest,
    contract: header.contract.name,
    contract_page: header.contract.page,
    workload_schema_page: header.workload_page,
    verdict: verdict.status,
    invalid_reasons: verdict.invalid_reasons.map(reasonObject),
    inconclusive_reasons: verdict.inconclusive_reasons.map(reasonObject),
    evidence_level: verdict.evidence.level,
    evidence_missing: verdict.evidence.missing,
    run_status: outcome.status,
    stop_reason: outcome.stop_reason,
    engine: header.engine,
    engine_version: header.engine_version,
    device_kind: device.kind,
    simulated: device.simulated,
    seed: header.seed,
    threads: header.threads,
    executed_precision: executed?.precision ?? null,
    executed_amp: executed === null ? null : executed.amp ? 1 : 0,
    tf32: env.tf32,
    total_vram_bytes: env.total_vram_bytes,
    measured_steps: metrics.measured_steps,
    peak_rss_bytes: metrics.peak_rss_bytes,
    // Only where it was measured: directories from before it was known compare as they did.
    ...(metrics.energy_per_step_joules === null ? {} : { energy_per_step_joules: metrics.energy_per_step_joules }),
    set_up_s: outcome.set_up_s,
    gates: verdict.gates.map(({ gate, outcome: said, value, limit, unit, reason }) => ({
      gate,
      outcome: said,
      value: finite(value),
      limit: finite(limit),
      unit,
      reason,
    })),
    outcome: outcomeDocument(outcome),
    artifacts: artifacts === null ? null : { ...artifacts },
    reasons: { ...metrics.reasons },
  };
}

function reasonObject({ code, message }: VerdictReason<string>): JsonValue {
  return { code, message };
}

/** A gate of someone else may answer with a number that JSON cannot carry. */
function finite(value: number | string | null): number | string | null {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
