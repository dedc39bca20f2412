import { packetAxes } from "../axes.js";
import type { AntRatioPacket } from "../packet.js";
import type { ReportAxis, ReportFigure } from "./report-model.js";

/** An axis of a report, and how a packet stands on it. */
export interface MeasuredAxis {
  readonly axis: ReportAxis;
  readonly figure: (packet: AntRatioPacket) => ReportFigure;
}

/** The axes of packets. */
export function measuredAxes(): readonly MeasuredAxis[] {
  return packetAxes.map(({ key, label, unit, better, share, value, interval }) => ({
    axis: { key, label: sentence(label), unit, better, share },
    figure: (packet) => figureOf(value(packet), interval?.(packet) ?? null, () => whyMissing(key, packet)),
  }));
}

function figureOf(
  value: number | null,
  interval: { readonly low: number; readonly high: number } | null,
  why: () => string,
): ReportFigure {
  if (value === null) return { value: null, why: why() };
  // What is no number cannot be drawn, whoever computed it.
  if (!Number.isFinite(value)) return { value: null, why: `the packet says ${value}` };
  return interval === null ? { value } : { value, interval };
}

/** Why a packet has no value on an axis, as far as the packet itself tells. */
function whyMissing(key: string, packet: AntRatioPacket): string {
  const reasons: Readonly<Record<string, string>> = {
    assoc_byte_disjoint_accuracy: "no capability run was joined, or it was not evaluated",
    throughput_tokens_per_s: "the probe measured no throughput",
    vram_ratio_reserved:
      packet.total_vram_bytes === null ? "no VRAM of the device is known" : "no reserved VRAM was measured",
    memory_budget_ratio: "no memory budget was declared, or no peak was measured",
    peak_vram_reserved_bytes: "no reserved VRAM was measured",
    peak_rss_bytes: "no resident memory was measured",
    median_step_time_s: "no step times were joined",
    ant_body_cells: "the size is not stated",
    joules_per_ring_token: "no energy was measured",
    accuracy_per_token_per_s: "it needs an accuracy and a throughput",
  };
  return reasons[key] ?? "the packet does not state it";
}

function sentence(label: string): string {
  return label.charAt(0).toUpperCase() + label.slice(1);
}
