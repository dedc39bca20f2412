import type { Configuration, SweepReport } from "@vrx/harness";
import { packetAxis, paretoFrontier, summarise } from "@vrx/ant-ratio";
import { figure, table } from "../frame/table.js";

/** What the axes say of a configuration, for a line. */
export function labelText({ labels, index }: Pick<Configuration, "labels" | "index">): string {
  const text = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
  return text === "" ? `configuration ${index}` : text;
}

/** The packets of a sweep as a table: cost, capability with its interval, and who is on the frontier. */
export function packetLines({ packets, rows, objective }: SweepReport): readonly string[] {
  const summary = summarise(packets);
  const ranked = packets.filter((_, i) => summary[i]?.rankable === true);
  const axes = objective.flatMap((key) => packetAxis(key) ?? []);
  const frontier = new Set(paretoFrontier(ranked, axes).frontier);
  const named = new Map(rows.flatMap((row) => row.capability.map(({ digest }) => [digest, labelText(row)] as const)));
  const body = packets.map((packet, i) => {
    const row = summary[i];
    const name = named.get(packet.vrx?.assoc_trial_digest ?? "") ?? packet.workload_id ?? "";
    const { assoc_accuracy_low: low, assoc_accuracy_high: high } = row ?? {
      assoc_accuracy_low: null,
      assoc_accuracy_high: null,
    };
    const interval = low === null || high === null ? "" : `${(100 * low).toFixed(1)}-${(100 * high).toFixed(1)} %`;
    const accuracy = packet.assoc_byte_disjoint_accuracy;
    return [
      name,
      figure(packet.vrx?.assoc_seed ?? null),
      packet.stability_pass ? "pass" : "fail",
      packet.throughput_tokens_per_s === null ? "-" : Math.round(packet.throughput_tokens_per_s).toString(),
      accuracy === null ? "-" : `${(100 * accuracy).toFixed(1)} %`,
      interval,
      frontier.has(packet) ? "frontier" : row?.rankable === true ? "" : "not rankable",
    ];
  });
  const missing = rows.flatMap((row) => [
    ...row.problems.map((problem) => `not run: ${labelText(row)}: ${problem}`),
    ...row.without_packet.map((why) => `no packet: ${labelText(row)}: ${why}`),
  ]);
  const because = new Map<string, number>();
  for (const { not_rankable_because: why } of summary) if (why !== null) because.set(why, (because.get(why) ?? 0) + 1);
  const unranked = Array.from(because, ([why, count]) => `not rankable, ${count} of ${packets.length}: ${why}`);
  const head = ["configuration", "seed", "gates", "ring tokens/s", "accuracy", "95 % interval", ""];
  return [...(body.length === 0 ? [] : table([head, ...body])), ...unranked, ...missing];
}
