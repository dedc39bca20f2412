import type { Axis } from "./axis.js";
import type { AntRatioPacket } from "./packet.js";
import { type Interval, wilsonInterval } from "./wilson-interval.js";

/** An axis that packets can be shown on. */
export interface PacketAxis extends Axis<AntRatioPacket> {
  readonly label: string;
  /** Null for a bare number. */
  readonly unit: string | null;
  /** A share from 0 to 1. */
  readonly share: boolean;
}

/** Hits are what the report counted, else what its accuracy comes to. */
function accuracyInterval(packet: AntRatioPacket): Interval | null {
  const { assoc_byte_disjoint_accuracy: accuracy, assoc_eval_n: n, vrx } = packet;
  if (accuracy === null || n === null || n < 1) return null;
  return wilsonInterval(Math.min(n, vrx?.assoc_eval_hits ?? Math.round(accuracy * n)), n);
}

function ratio(numerator: number | null | undefined, denominator: number | null | undefined): number | null {
  if (typeof numerator !== "number" || typeof denominator !== "number" || denominator <= 0) return null;
  return numerator / denominator;
}

/** The axes of packets, in the order in which a report offers them; all but the first two are null in many packets. */
export const packetAxes: readonly PacketAxis[] = [
  {
    key: "assoc_byte_disjoint_accuracy",
    label: "accuracy on unseen data",
    unit: null,
    better: "higher",
    share: true,
    value: (packet) => packet.assoc_byte_disjoint_accuracy,
    interval: accuracyInterval,
  },
  {
    key: "throughput_tokens_per_s",
    label: "throughput",
    unit: "ring tokens/s",
    better: "higher",
    share: false,
    value: (packet) => packet.throughput_tokens_per_s,
  },
  {
    key: "vram_ratio_reserved",
    label: "reserved share of VRAM",
    unit: null,
    better: "lower",
    share: true,
    value: (packet) => packet.vram_ratio_reserved,
  },
  {
    key: "memory_budget_ratio",
    label: "share of the memory budget",
    unit: null,
    better: "lower",
    share: true,
    value: (packet) => packet.vrx?.memory_budget_ratio ?? null,
  },
  {
    key: "peak_vram_reserved_bytes",
    label: "peak reserved VRAM",
    unit: "bytes",
    better: "lower",
    share: false,
    value: (packet) => packet.peak_vram_reserved_bytes,
  },
  {
    key: "peak_rss_bytes",
    label: "peak resident memory",
    unit: "bytes",
    better: "lower",
    share: false,
    value: (packet) => packet.vrx?.peak_rss_bytes ?? null,
  },
  {
    key: "median_step_time_s",
    label: "median step time",
    unit: "s",
    better: "lower",
    share: false,
    value: (packet) => packet.vrx?.median_step_time_s ?? null,
  },
  {
    key: "ant_body_cells",
    label: "body cells",
    unit: null,
    better: "lower",
    share: false,
    value: (packet) => packet.ant_body_cells,
  },
  {
    key: "joules_per_ring_token",
    label: "energy",
    unit: "J per ring token",
    better: "lower",
    share: false,
    value: ({ vrx, batch_size, seq_len }) =>
      batch_size === null || seq_len === null ? null : ratio(vrx?.energy_per_step_joules, batch_size * seq_len),
  },
  {
    key: "accuracy_per_token_per_s",
    label: "accuracy per throughput",
    unit: "s per ring token",
    better: "higher",
    share: false,
    value: (packet) => ratio(packet.assoc_byte_disjoint_accuracy, packet.throughput_tokens_per_s),
  },
];

/** The axis of a key; undefined where there is none. */
export function packetAxis(key: string): PacketAxis | undefined {
  return packetAxes.find((axis) => axis.key === key);
}
