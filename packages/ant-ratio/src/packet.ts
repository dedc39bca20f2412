/** The version of the joined datapoint; the shape is fixed by the seed document of the ant ratio packet. */
export const PACKET_SCHEMA_VERSION = "ant_ratio_packet_v0";

/** Sizes that have a name: 2048 x 256, 8192 x 576 and 16384 x 768 slots. */
export type NamedTier = "small" | "real" | "stress";

/** What vrx knows of a datapoint beyond v0. A fact that no artifact states is absent; what is known to be unknown is null. */
export interface PacketFacts {
  readonly workload_digest?: string;
  readonly run_options_digest?: string;
  readonly probe_trial_digest?: string;
  readonly assoc_trial_digest?: string;
  /** The probe's own verdict, by its contract. */
  readonly verdict?: string;
  readonly engine?: string;
  readonly engine_version?: string | null;
  readonly device?: string;
  readonly device_kind?: string;
  /** Ran on a stand-in for hardware. */
  readonly simulated?: boolean;
  readonly executed_precision?: string | null;
  readonly threads?: number | null;
  readonly host?: string | null;
  readonly gpu_name?: string | null;
  readonly probe_seed?: number;
  readonly median_step_time_s?: number | null;
  readonly p95_step_time_s?: number | null;
  /** Peak resident memory of a run on the CPU, in bytes. */
  readonly peak_rss_bytes?: number | null;
  /** Peak resident memory over the memory that was declared for it; never to be mistaken for a share of VRAM. */
  readonly memory_budget_ratio?: number;
  readonly memory_budget_bytes?: number;
  /** Energy of one measured step, in joules; null where it was not measured. */
  readonly energy_per_step_joules?: number | null;
  readonly assoc_seed?: number;
  readonly assoc_keys?: number;
  readonly assoc_pairs?: number;
  readonly assoc_values?: number;
  readonly assoc_unique_keys?: boolean;
  readonly assoc_eval_hits?: number;
  readonly assoc_eval_loss?: number;
  /** Accuracy of guessing, of copying any value of the sample, and the best there can be. */
  readonly assoc_chance_accuracy?: number;
  readonly assoc_copy_accuracy?: number;
  readonly assoc_ceiling_accuracy?: number;
  /** Steps and ring tokens that were really trained, and the steps that were planned. */
  readonly assoc_steps?: number;
  readonly assoc_planned_steps?: number;
  readonly assoc_ring_tokens?: number;
}

/**
 * One datapoint (`ant_ratio_packet_v0`): what a configuration cost, joined with what it learnt. Every key of v0 is
 * there, null where the artifacts lack the fact. What vrx knows beyond v0 is under `vrx`, which is absent when there is
 * nothing to say, so that the rest stays what every reader of v0 expects.
 */
export interface AntRatioPacket {
  readonly schema_version: typeof PACKET_SCHEMA_VERSION;
  readonly generated_utc: string;
  readonly git_commit: string | null;
  readonly probe_run_root: string | null;
  readonly assoc_run_root: string | null;

  /** `small`, `real`, `stress`, `custom`, or what the caller said; null where the size is not known. */
  readonly ant_tier: string | null;
  readonly ant_ring_len: number | null;
  readonly ant_slot_dim: number | null;
  /** ring_len x slot_dim */
  readonly ant_body_cells: number | null;
  readonly ant_body_scale_vs_small: number | null;
  readonly expert_heads: number | null;
  readonly batch_size: number | null;
  readonly precision: string | null;
  readonly amp: number | null;
  readonly seq_len: number | null;

  /** Peak reserved VRAM over all VRAM of the device. */
  readonly vram_ratio_reserved: number | null;
  readonly peak_vram_reserved_bytes: number | null;
  readonly total_vram_bytes: number | null;
  /** Ring tokens: batch size x sequence length per step. */
  readonly throughput_tokens_per_s: number | null;
  readonly throughput_samples_per_s: number | null;

  readonly assoc_byte_disjoint_accuracy: number | null;
  readonly assoc_eval_disjoint: boolean | null;
  readonly assoc_eval_n: number | null;

  readonly token_budget: number | null;
  readonly token_budget_tokens_per_step: number | null;
  readonly token_budget_steps: number | null;

  /** The outcome of the locked rule, not the raw flag: false unless every one of its conditions is stated and holds. */
  readonly stability_pass: boolean;
  readonly fail_reasons: readonly string[] | null;
  readonly had_oom: boolean | null;
  readonly had_nan: boolean | null;
  readonly had_inf: boolean | null;

  readonly workload_id: string | null;
  readonly probe_id: string | null;

  readonly vrx?: PacketFacts;
}
