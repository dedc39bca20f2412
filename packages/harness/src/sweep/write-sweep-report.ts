import { join } from "node:path";
import type { AntRatioPacket } from "@vrx/ant-ratio";
import type { JsonValue } from "@vrx/objective-contract";
import { canonicalJson, prettyJson } from "@vrx/objective-contract";
import { makeFolder, writeDurably } from "../store/durable.js";
import type { TrialStore } from "../store/trial-store.js";
import type { Configuration } from "./expand-sweep.js";
import type { SweepDocument } from "./sweep-document.js";
import { sweepMetrics } from "./sweep-metrics.js";
import { type ConfigurationRow, sweepResults } from "./sweep-results.js";

export interface SweepReport {
  readonly packets: readonly AntRatioPacket[];
  readonly rows: readonly ConfigurationRow[];
  /** The keys of the axes configurations are compared by. */
  readonly objective: readonly string[];
  /** What was written, by name within the folder. */
  readonly files: readonly string[];
}

const DEFAULT_OBJECTIVE = ["throughput_tokens_per_s", "assoc_byte_disjoint_accuracy"] as const;

function json(value: unknown): JsonValue {
  // Rows and packets are plain JSON by their types; absent members vanish.
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

/**
 * Writes what came out of a sweep into a folder: `packets.jsonl`, `sweep.json` (every configuration with its status and
 * reasons), `summary.csv`, `report.html` and `metrics.prom`, each whole or not at all.
 */
export async function writeSweepReport(
  sweep: SweepDocument,
  configurations: readonly Configuration[],
  store: TrialStore,
  dir: string,
): Promise<SweepReport> {
  // The page and its charts take a while to load, and only here are they wanted.
  const { readRunDetails, renderReport, reportCsv } = await import("@vrx/ant-ratio/report");
  const { packets, rows } = await sweepResults(configurations, store, dir);
  const details = new Map<AntRatioPacket, NonNullable<Awaited<ReturnType<typeof readRunDetails>>>>();
  for (const packet of packets) {
    const detail = packet.probe_run_root === null ? null : await readRunDetails(join(dir, packet.probe_run_root));
    if (detail !== null) details.set(packet, detail);
  }
  const vram = packets.some((packet) => packet.vram_ratio_reserved !== null);
  const objective = sweep.objective ?? DEFAULT_OBJECTIVE;
  const [x, y] = objective;
  const axes = { ...(x === undefined ? {} : { x }), ...(y === undefined ? {} : { y }) };
  const options = { title: sweep.name, details, ...axes };
  const document = {
    schema_version: "vrx_sweep_result_v1",
    name: sweep.name,
    sweep: json(sweep),
    memory: vram ? "vram_ratio_reserved" : "memory_budget_ratio",
    configurations: json(rows),
  };
  const files: readonly (readonly [string, string])[] = [
    ["packets.jsonl", packets.map((packet) => `${canonicalJson(json(packet))}\n`).join("")],
    ["sweep.json", prettyJson(document)],
    ["summary.csv", reportCsv(packets, options)],
    ["metrics.prom", await sweepMetrics(sweep.name, rows, packets)],
    ["report.html", renderReport(packets, options)],
  ];
  await makeFolder(dir);
  for (const [name, content] of files) await writeDurably(join(dir, name), content);
  return { packets, rows, objective, files: files.map(([name]) => name) };
}
