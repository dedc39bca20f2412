import { type PacketAxis, packetAxes } from "../axes.js";
import { type PriceTable, costOf } from "../cost.js";
import type { AntRatioPacket } from "../packet.js";
import type { ReportAxis, ReportFigure } from "./report-model.js";

/** An axis of a report, and how a packet stands on it. */
export interface MeasuredAxis {
  readonly axis: ReportAxis;
  readonly figure: (packet: AntRatioPacket) => ReportFigure;
}

/** The axes of packets, and with prices one of cost for each currency that the table has. */
export function measuredAxes(prices: PriceTable | null): readonly MeasuredAxis[] {
  const currencies = [...new Set((prices?.prices ?? []).map(({ currency }) => currency))].sort();
  const costs = prices === null ? [] : currencies.map((currency) => costAxis(currency, prices));
  return [...packetAxes.map(plainAxis), ...costs];
}

function plainAxis({ key, label, unit, better, share, value, interval }: PacketAxis): MeasuredAxis {
  return {
    axis: { key, label: sentence(label), unit, better, share },
    figure: (packet) => figureOf(value(packet), interval?.(packet) ?? null, () => whyMissing(key, packet)),
  };
}

function costAxis(currency: string, prices: PriceTable): MeasuredAxis {
  return {
    axis: {
      key: `cost_${currency.toLowerCase()}_per_1m_ring_tokens`,
      label: `Cost in ${currency}`,
      unit: `${currency} per 1M ring tokens`,
      better: "lower",
      share: false,
    },
    figure(packet) {
      const { per_1m_ring_tokens, why } = costOf(packet, prices);
      const reasons = why.filter((reason) => !isPriceUsed(reason) && !reason.startsWith("energy"));
      const reason =
        reasons.length > 0 ? reasons.join("; ") : `the price table has no price in ${currency} for its device`;
      return figureOf(per_1m_ring_tokens[currency] ?? null, null, () => reason);
    },
  };
}

/** The prices a packet's cost was computed with, each with its source and day. */
export function pricesUsed(packet: AntRatioPacket, prices: PriceTable): readonly string[] {
  return costOf(packet, prices).why.filter(isPriceUsed);
}

/** `costOf` says why a figure is missing and which prices it used in one list. */
function isPriceUsed(reason: string): boolean {
  return /^[\d.e+-]+ [A-Z]{3} per hour by /.test(reason);
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
