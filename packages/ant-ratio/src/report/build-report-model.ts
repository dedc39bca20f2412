import type { PriceTable } from "../cost.js";
import { AntRatioError } from "../errors.js";
import type { AntRatioPacket } from "../packet.js";
import { pointNames } from "./point-names.js";
import { whyUnrankable } from "./rankings.js";
import { type MeasuredAxis, measuredAxes, pricesUsed } from "./report-axes.js";
import type { ReportModel, ReportPoint } from "./report-model.js";
import type { ReportOptions } from "./report-options.js";

/** What a report shows of some packets, as plain data. Throws `invalid_argument` for an axis that does not exist. */
export function buildReportModel(packets: readonly AntRatioPacket[], options: ReportOptions = {}): ReportModel {
  const { prices = null } = options;
  const axes = measuredAxes(prices);
  const names = pointNames(packets.map((packet) => ({ packet, source: options.sources?.get(packet) ?? null })));
  const ranked = whyUnrankable(packets);
  const points = packets.map((packet, id): ReportPoint => {
    const reasons = ranked[id] ?? [];
    return {
      id,
      name: names[id] ?? "",
      tier: packet.ant_tier ?? "unknown size",
      heads: packet.expert_heads,
      verdict: packet.stability_pass ? "pass" : "fail",
      fail_reasons: failReasons(packet),
      rankable: reasons.length === 0,
      unrankable_reasons: reasons,
      figures: Object.fromEntries(axes.map(({ axis, figure }) => [axis.key, figure(packet)])),
      facts: prices === null ? factsOf(packet) : [...factsOf(packet), ...priceFacts(packet, prices)],
      details: options.details?.get(packet) ?? null,
    };
  });
  const measuredCount = (key: string): number => points.filter(({ figures }) => figures[key]?.value !== null).length;
  // Of two ways to say one thing, the one that more of these packets have.
  const usual = (...keys: readonly [string, ...string[]]): string =>
    keys.reduce((best, key) => (measuredCount(key) > measuredCount(best) ? key : best));
  return {
    title: options.title ?? "Cost against capability",
    generated_utc: newest(packets),
    axes: axes.map(({ axis }) => axis),
    points,
    x: keyOf(axes, options.x) ?? usual("throughput_tokens_per_s"),
    y: keyOf(axes, options.y) ?? usual("assoc_byte_disjoint_accuracy"),
    speed: usual("throughput_tokens_per_s"),
    memory: usual("vram_ratio_reserved", "memory_budget_ratio", "peak_rss_bytes", "peak_vram_reserved_bytes"),
  };
}

function keyOf(axes: readonly MeasuredAxis[], asked: string | undefined): string | null {
  if (asked === undefined) return null;
  const keys = axes.map(({ axis }) => axis.key);
  if (keys.includes(asked)) return asked;
  throw new AntRatioError("invalid_argument", `expected an axis of ${keys.join(", ")}, found ${JSON.stringify(asked)}`);
}

/** The reasons of the gates, and what the locked rule takes for a failure beyond them. */
function failReasons({ stability_pass, fail_reasons, had_oom, had_nan, had_inf }: AntRatioPacket): readonly string[] {
  if (stability_pass) return [];
  const flags = { had_oom, had_nan, had_inf };
  const raised = Object.entries(flags).flatMap(([name, flag]) =>
    flag === false ? [] : [flag === true ? name : `${name} is not stated`],
  );
  const reasons = [...new Set([...(fail_reasons ?? []), ...raised])];
  return reasons.length > 0 ? reasons : ["the run did not say that its gates passed"];
}

/** Everything a packet says, one line each: what is nested is named by its path. */
function factsOf(packet: AntRatioPacket): ReportPoint["facts"] {
  const { vrx, ...v0 } = packet;
  const entries = [
    ...Object.entries(v0),
    ...Object.entries(vrx ?? {}).map(([key, value]) => [`vrx.${key}`, value] as const),
  ];
  return entries.map(([key, value]) => [key, factOf(value)] as const);
}

function priceFacts(packet: AntRatioPacket, prices: PriceTable): ReportPoint["facts"] {
  return pricesUsed(packet, prices).map((text) => ["price", text] as const);
}

function factOf(value: unknown): string | number | boolean | null {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  return Array.isArray(value) ? value.map(String).join(", ") : JSON.stringify(value);
}

function newest(packets: readonly AntRatioPacket[]): string | null {
  return packets.reduce<string | null>(
    (last, { generated_utc }) => (last === null || generated_utc > last ? generated_utc : last),
    null,
  );
}
