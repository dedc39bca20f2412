import type { AntRatioPacket } from "./packet.js";
import { type Rankable, groupByConfiguration, rankable } from "./rankable.js";
import { type Interval, wilsonInterval } from "./wilson-interval.js";

/** One row of the summary: a packet with what follows from it. Null where a divisor or a fact is missing. */
export interface SummaryRow {
  readonly ant_tier: string | null;
  readonly ant_ring_len: number | null;
  readonly ant_slot_dim: number | null;
  readonly ant_body_cells: number | null;
  readonly ant_body_scale_vs_small: number | null;
  readonly expert_heads: number | null;
  readonly batch_size: number | null;
  readonly precision: string | null;
  readonly seed: number | null;
  /** Steps that were really trained. */
  readonly steps: number | null;
  readonly ring_tokens: number | null;
  readonly token_budget: number | null;
  readonly probe_pass: boolean;
  readonly fail_reasons: string | null;
  readonly vram_ratio_reserved: number | null;
  /** |vram_ratio_reserved - target| */
  readonly vram_target_abs_error: number | null;
  readonly memory_budget_ratio: number | null;
  readonly peak_rss_bytes: number | null;
  readonly throughput_tokens_per_s: number | null;
  readonly tokens_per_vram_ratio: number | null;
  readonly assoc_byte_disjoint_accuracy: number | null;
  readonly assoc_accuracy_low: number | null;
  readonly assoc_accuracy_high: number | null;
  readonly assoc_eval_n: number | null;
  readonly assoc_eval_disjoint: boolean | null;
  readonly assoc_acc_per_token_per_s: number | null;
  readonly assoc_acc_per_vram_ratio: number | null;
  readonly rankable: boolean;
  readonly not_rankable_because: string | null;
  readonly workload_id: string | null;
  readonly probe_run_root: string | null;
  readonly assoc_run_root: string | null;
}

export interface SummaryOptions {
  /** The share of VRAM the batch was chosen for; 0.85 by default, as the reference has it. */
  readonly vram_target?: number;
}

function over(numerator: number | null, divisor: number | null): number | null {
  return numerator === null || divisor === null || divisor <= 0 ? null : numerator / divisor;
}

function intervalOf(packet: AntRatioPacket): Interval | null {
  const { assoc_byte_disjoint_accuracy: accuracy, assoc_eval_n: n, vrx } = packet;
  if (accuracy === null || n === null || n < 1) return null;
  return wilsonInterval(Math.min(n, vrx?.assoc_eval_hits ?? Math.round(accuracy * n)), n);
}

/** The summary of packets, row by row in their order. */
export function summarise(packets: readonly AntRatioPacket[], options: SummaryOptions = {}): readonly SummaryRow[] {
  const { vram_target = 0.85 } = options;
  const verdicts = new Map<AntRatioPacket, Rankable>();
  for (const group of groupByConfiguration(packets).values()) {
    const verdict = rankable(group);
    for (const packet of group) verdicts.set(packet, verdict);
  }
  return packets.map((packet): SummaryRow => {
    const { vrx, vram_ratio_reserved: vram, throughput_tokens_per_s: speed } = packet;
    const accuracy = packet.assoc_byte_disjoint_accuracy;
    const interval = intervalOf(packet);
    const verdict = verdicts.get(packet);
    const reasons =
      verdict?.status === "not_rankable" ? verdict.reasons.map(({ message }) => message).join("; ") : null;
    return {
      ant_tier: packet.ant_tier,
      ant_ring_len: packet.ant_ring_len,
      ant_slot_dim: packet.ant_slot_dim,
      ant_body_cells: packet.ant_body_cells,
      ant_body_scale_vs_small: packet.ant_body_scale_vs_small,
      expert_heads: packet.expert_heads,
      batch_size: packet.batch_size,
      precision: packet.precision,
      seed: vrx?.assoc_seed ?? null,
      steps: vrx?.assoc_steps ?? null,
      ring_tokens: vrx?.assoc_ring_tokens ?? null,
      token_budget: packet.token_budget,
      probe_pass: packet.stability_pass,
      fail_reasons: packet.fail_reasons === null ? null : packet.fail_reasons.join(";"),
      vram_ratio_reserved: vram,
      vram_target_abs_error: vram === null ? null : Math.abs(vram - vram_target),
      memory_budget_ratio: vrx?.memory_budget_ratio ?? null,
      peak_rss_bytes: vrx?.peak_rss_bytes ?? null,
      throughput_tokens_per_s: speed,
      tokens_per_vram_ratio: over(speed, vram),
      assoc_byte_disjoint_accuracy: accuracy,
      assoc_accuracy_low: interval?.low ?? null,
      assoc_accuracy_high: interval?.high ?? null,
      assoc_eval_n: packet.assoc_eval_n,
      assoc_eval_disjoint: packet.assoc_eval_disjoint,
      assoc_acc_per_token_per_s: over(accuracy, speed),
      assoc_acc_per_vram_ratio: over(accuracy, vram),
      rankable: verdict?.status === "rankable",
      not_rankable_because: reasons,
      workload_id: packet.workload_id,
      probe_run_root: packet.probe_run_root,
      assoc_run_root: packet.assoc_run_root,
    };
  });
}
