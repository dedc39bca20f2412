import { writeWhole } from "@vrx/ant-ratio/report";
import type { Benchmark } from "@vrx/manifest";
import { join } from "node:path";
import { ExperimentError } from "../errors.js";
import type { ModelRunner } from "../verify/model-runner.js";
import {
  type LatencyRow,
  type MemoryRow,
  type PerplexityRow,
  measureLatency,
  measureMemory,
  measurePerplexity,
} from "./benchmarks.js";
import { type ChartPoint, writeChart } from "./charts.js";
import { csv, latexTable } from "./tables.js";

/** What a benchmark came to. */
export type BenchmarkOutcome =
  | {
      readonly id: string;
      readonly type: string;
      readonly status: "measured";
      readonly rows: readonly Readonly<Record<string, unknown>>[];
    }
  | { readonly id: string; readonly type: string; readonly status: "failed"; readonly reason: string };

/** All benchmarks of a target, and the files they left. */
export interface BenchmarkResults {
  readonly outcomes: readonly BenchmarkOutcome[];
  readonly files: readonly string[];
  /** Models that were asked for and are not there, with the reason. */
  readonly absent: Readonly<Record<string, string>>;
}

/** A model to measure; a text says why it is not there. */
export type BenchmarkModels = Readonly<Record<"teacher" | "student", ModelRunner | string>>;

/**
 * Measures everything a target asks for and writes tables and charts into `dir`: `perplexity.csv`, `latency.csv`,
 * `memory.csv`, charts as PNG and SVG, `tables.tex`. A benchmark that fails is in the result; the others go on.
 */
export async function runBenchmarks(options: {
  readonly benchmarks: readonly Benchmark[];
  readonly models: BenchmarkModels;
  readonly dir: string;
  readonly target: string;
  /** Where a path of the manifest lies. */
  readonly at: (path: string) => string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (text: string) => void;
}): Promise<BenchmarkResults> {
  const perplexity: PerplexityRow[] = [];
  const latency: LatencyRow[] = [];
  const memory: MemoryRow[] = [];
  const outcomes: BenchmarkOutcome[] = [];
  const absent: Record<string, string> = {};
  for (const { id, config, models, repeats } of options.benchmarks) {
    if (options.signal?.aborted === true) break;
    const rows: Readonly<Record<string, unknown>>[] = [];
    try {
      for (const name of models) {
        const model = options.models[name];
        if (typeof model === "string") {
          absent[name] = model;
          continue;
        }
        options.onProgress?.(`${id}: ${name}`);
        for (let i = 0; i < repeats; i++) {
          const repetition = repeats === 1 ? {} : { repetition: i };
          switch (config.type) {
            case "perplexity": {
              const row = await measurePerplexity(model, name, config, options.at(config.dataset));
              perplexity.push(row);
              rows.push({ ...row, ...repetition });
              break;
            }
            case "latency": {
              const found = await measureLatency(model, name, config);
              latency.push(...found);
              rows.push(...found.map((row) => ({ ...row, ...repetition })));
              break;
            }
            case "memory": {
              const found = await measureMemory(model, name, config);
              memory.push(...found);
              rows.push(...found.map((row) => ({ ...row, ...repetition })));
              break;
            }
            default:
              throw new ExperimentError("unsupported", `the embedded engine has no benchmark ${config.type}`);
          }
        }
      }
      if (rows.length === 0)
        throw new ExperimentError(
          "benchmark_failed",
          `none of its models is there: ${Object.values(absent).join("; ")}`,
        );
      outcomes.push({ id, type: config.type, status: "measured", rows });
    } catch (error) {
      outcomes.push({
        id,
        type: config.type,
        status: "failed",
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
  const files = await writeArtifacts(options.dir, options.target, { perplexity, latency, memory });
  return { outcomes, files, absent };
}

async function writeArtifacts(
  dir: string,
  target: string,
  rows: {
    readonly perplexity: readonly PerplexityRow[];
    readonly latency: readonly LatencyRow[];
    readonly memory: readonly MemoryRow[];
  },
): Promise<string[]> {
  const files: string[] = [];
  const write = async (name: string, text: string): Promise<void> => {
    await writeWhole(join(dir, name), text);
    files.push(name);
  };
  const plain = (list: readonly object[]): Readonly<Record<string, unknown>>[] =>
    list.map((row) => Object.fromEntries(Object.entries<unknown>(row as Readonly<Record<string, unknown>>)));
  const tables: string[] = [];
  if (rows.perplexity.length > 0) {
    const columns = ["model", "perplexity", "loss", "num_tokens"];
    await write("perplexity.csv", csv(columns, plain(rows.perplexity)));
    const points = rows.perplexity.map(({ model, perplexity }) => ({ series: model, x: model, y: perplexity }));
    files.push(
      ...(await writeChart(dir, "perplexity", {
        title: `Perplexity of ${target}`,
        x: "model",
        y: "perplexity",
        kind: "bars",
        points,
      })),
    );
    const cells = rows.perplexity.map(({ model, perplexity, loss, num_tokens }) => [
      model,
      perplexity,
      loss,
      num_tokens,
    ]);
    tables.push(
      latexTable({
        caption: `Perplexity of ${target}`,
        label: "perplexity",
        columns: ["model", "perplexity", "loss", "tokens"],
        rows: cells,
      }),
    );
  }
  if (rows.latency.length > 0) {
    const columns = [
      "model",
      "prompt_len",
      "gen_len",
      "batch_size",
      "prefill_ms",
      "decode_ms",
      "total_ms",
      "tokens_per_sec",
      "ttft_ms",
      "use_cache",
    ];
    const spread = ["cache_kind", "timed_runs", "total_ms_min", "total_ms_max", "total_ms_sd"];
    await write("latency.csv", csv([...columns, ...spread], plain(rows.latency), 2));
    files.push(
      ...(await writeChart(dir, "latency_vs_context", {
        title: `Speed of ${target}`,
        x: "prompt (tokens)",
        y: "tokens per second",
        kind: "lines",
        points: speedPoints(rows.latency),
      })),
    );
    const cells = rows.latency.map((row) => [
      row.model,
      row.prompt_len,
      row.gen_len,
      row.batch_size,
      row.prefill_ms,
      row.decode_ms,
      row.tokens_per_sec,
    ]);
    tables.push(
      latexTable({
        caption: `Latency of ${target}`,
        label: "latency",
        columns: ["model", "prompt", "generated", "batch", "prefill (ms)", "decode (ms)", "tokens/s"],
        rows: cells,
      }),
    );
  }
  if (rows.memory.length > 0) {
    const columns = ["model", "seq_len", "batch_size", "quantization", "peak_mb", "kvcache_mb", "model_mb"];
    await write("memory.csv", csv(columns, plain(rows.memory), 2));
    const smallest = Math.min(...rows.memory.map(({ batch_size }) => batch_size));
    const points = rows.memory
      .filter((row) => row.batch_size === smallest && row.kvcache_mb !== null)
      .map((row) => ({ series: `${row.model} ${row.quantization}`, x: row.seq_len, y: row.kvcache_mb ?? 0 }));
    if (points.length > 0) {
      files.push(
        ...(await writeChart(dir, "memory_scaling", {
          title: `Keys and values of ${target}`,
          x: "tokens",
          y: "MB",
          kind: "lines",
          log_x: true,
          points,
        })),
      );
    }
    const cells = rows.memory.map((row) => [
      row.model,
      row.seq_len,
      row.batch_size,
      row.quantization,
      row.peak_mb,
      row.kvcache_mb,
      row.model_mb,
    ]);
    tables.push(
      latexTable({
        caption: `Memory of ${target}`,
        label: "memory",
        columns: ["model", "tokens", "batch", "cache", "peak (MB)", "cache (MB)", "model (MB)"],
        rows: cells,
      }),
    );
  }
  if (tables.length > 0) await write("tables.tex", tables.join("\n"));
  return files;
}

/** Tokens per second against the prompt, at the smallest batch and the middle length. */
function speedPoints(rows: readonly LatencyRow[]): ChartPoint[] {
  const lengths = [...new Set(rows.map(({ gen_len }) => gen_len))].sort((a, b) => a - b);
  const middle = lengths[Math.floor((lengths.length - 1) / 2)];
  const smallest = Math.min(...rows.map(({ batch_size }) => batch_size));
  return rows
    .filter((row) => row.gen_len === middle && row.batch_size === smallest)
    .map((row) => ({ series: row.model, x: row.prompt_len, y: row.tokens_per_sec }));
}
