import type { BenchmarkConfig } from "@vrx/manifest";
import { readTokens } from "../data/open-dataset.js";
import { windowsAt } from "../data/token-dataset.js";
import { ExperimentError } from "../errors.js";
import { Decoder } from "../generate/decoder.js";
import { greatest } from "../generate/sample-token.js";
import { buildContinuation } from "../system/build-system.js";
import { sizeOf } from "../tensor/program.js";
import { bytesPerValue } from "../verify/verify-run.js";
import type { ModelRunner } from "../verify/model-runner.js";

type Config<T extends BenchmarkConfig["type"]> = Extract<BenchmarkConfig, { type: T }>;

/** A row of `perplexity.csv`. */
export interface PerplexityRow {
  readonly model: string;
  readonly perplexity: number;
  readonly loss: number;
  readonly num_tokens: number;
}

/** A row of `latency.csv`: medians over the timed runs, and their spread. Times in milliseconds. */
export interface LatencyRow {
  readonly model: string;
  readonly prompt_len: number;
  readonly gen_len: number;
  readonly batch_size: number;
  readonly prefill_ms: number;
  readonly decode_ms: number;
  readonly total_ms: number;
  readonly tokens_per_sec: number;
  readonly ttft_ms: number;
  readonly use_cache: boolean;
  /** How keys and values were really kept. */
  readonly cache_kind: string;
  readonly timed_runs: number;
  readonly total_ms_min: number;
  readonly total_ms_max: number;
  readonly total_ms_sd: number;
}

/** A row of `memory.csv`, in units of 2^20 bytes. */
export interface MemoryRow {
  readonly model: string;
  readonly seq_len: number;
  readonly batch_size: number;
  readonly quantization: string;
  /** How far the process's resident memory rose at most while a text of that length went through; null: not measured. */
  readonly peak_mb: number | null;
  /** What keys and values of all layers take, by their shapes; null: not asked for. */
  readonly kvcache_mb: number | null;
  readonly model_mb: number;
}

/**
 * The perplexity of a text: every token but the first is scored once, with as much before it as its window has. Windows
 * of `block_size` begin every `stride` tokens; the last one ends with the text.
 */
export async function measurePerplexity(
  model: ModelRunner,
  name: string,
  config: Config<"perplexity">,
  path: string,
): Promise<PerplexityRow> {
  const { tokens } = await readTokens(path);
  const targets = tokens.length - 1;
  const block = Math.min(config.block_size, targets);
  const stride = Math.min(config.stride ?? block, block);
  if (targets < 1)
    throw new ExperimentError("benchmark_failed", `${path}: expected at least 2 tokens, found ${tokens.length}`);
  // Where a window begins, and from which of its targets on it counts.
  const windows: { readonly start: number; readonly from: number }[] = [];
  for (let scored = 0; scored < targets;) {
    const end = windows.length === 0 ? block : Math.min(targets, scored + stride);
    windows.push({ start: end - block, from: scored - (end - block) });
    scored = end;
  }
  const limit =
    config.num_batches === null ? windows.length : Math.min(windows.length, config.num_batches * config.batch_size);
  let [sum, count] = [0, 0];
  for (let at = 0; at < limit; at += config.batch_size) {
    const part = windows.slice(at, Math.min(limit, at + config.batch_size));
    // The last batch is filled up, so that it has the shape of the others.
    const filled = Array.from({ length: config.batch_size }, (_, i) => part[i]?.start ?? 0);
    const losses = await model.tokenLosses(windowsAt(tokens, block, filled));
    for (const [row, { from }] of part.entries()) {
      for (let t = from; t < block; t++) sum += losses[row * block + t] ?? NaN;
      count += block - from;
    }
  }
  const loss = sum / count;
  if (!Number.isFinite(loss)) throw new ExperimentError("benchmark_failed", `${path}: the loss is ${loss}`);
  return { model: name, perplexity: Math.exp(loss), loss, num_tokens: count };
}

/** Times reading a prompt and continuing it greedily, for every combination of lengths and batch sizes. */
export async function measureLatency(
  model: ModelRunner,
  name: string,
  config: Config<"latency">,
): Promise<LatencyRow[]> {
  const rows: LatencyRow[] = [];
  for (const batch_size of config.batch_sizes) {
    for (const prompt_len of config.prompt_lengths) {
      for (const gen_len of config.generation_lengths) {
        const decoder = new Decoder({
          engine: model.engine,
          spec: model.spec,
          weights: model.weights,
          batch: batch_size,
          max_tokens: prompt_len + gen_len,
        });
        try {
          const runs: { readonly prefill: number; readonly decode: number }[] = [];
          for (let i = 0; i < config.warmup_runs + config.timed_runs; i++) {
            const timed = await timeOnce(decoder, config.use_cache, batch_size, prompt_len, gen_len);
            if (i >= config.warmup_runs) runs.push(timed);
          }
          const prefill_ms = median(runs.map(({ prefill }) => prefill));
          const decode_ms = median(runs.map(({ decode }) => decode));
          const totals = runs.map(({ prefill, decode }) => prefill + decode);
          const mean = totals.reduce((a, b) => a + b, 0) / totals.length;
          const total_ms = median(totals);
          rows.push({
            model: name,
            prompt_len,
            gen_len,
            batch_size,
            prefill_ms,
            decode_ms,
            total_ms,
            tokens_per_sec: (1000 * gen_len * batch_size) / total_ms,
            ttft_ms: prefill_ms,
            use_cache: config.use_cache,
            cache_kind: config.use_cache ? "fp32" : "none",
            timed_runs: runs.length,
            total_ms_min: Math.min(...totals),
            total_ms_max: Math.max(...totals),
            total_ms_sd: Math.sqrt(totals.reduce((sum, value) => sum + (value - mean) ** 2, 0) / totals.length),
          });
        } finally {
          decoder.dispose();
        }
      }
    }
  }
  return rows;
}

async function timeOnce(
  decoder: Decoder,
  useCache: boolean,
  batch: number,
  prompt: number,
  generated: number,
): Promise<{ readonly prefill: number; readonly decode: number }> {
  decoder.truncate(0);
  const texts = Array.from({ length: batch }, () => Array.from({ length: prompt }, () => 0));
  const began = performance.now();
  let logits = await decoder.read(texts);
  const first = performance.now();
  for (let i = 1; i < generated; i++) {
    const width = logits.length / batch;
    for (const [row, text] of texts.entries()) text.push(greatest(logits.subarray(row * width, (row + 1) * width)));
    if (useCache) logits = await decoder.read(texts.map((text) => text.slice(-1)));
    else {
      decoder.truncate(0);
      logits = await decoder.read(texts);
    }
  }
  return { prefill: first - began, decode: performance.now() - first };
}

/** What a model and its texts take: weights, the measured peak, and what is kept per token in every quantisation. */
export async function measureMemory(model: ModelRunner, name: string, config: Config<"memory">): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  const model_mb = (4 * model.weights.count) / 2 ** 20;
  for (const batch_size of config.batch_sizes) {
    for (const seq_len of config.sequence_lengths) {
      const { states } = buildContinuation(model.spec, { batch: batch_size, tokens: 1, capacity: seq_len });
      const values = states.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
      const peak_mb = config.measure_peak ? await peakOf(model, batch_size, seq_len) : null;
      for (const quantization of config.quantization_modes) {
        const bytes = bytesPerValue[quantization === "q8" ? "q8_0" : quantization === "q4" ? "q4_0" : quantization];
        const kvcache_mb = config.measure_kvcache ? (values * bytes) / 2 ** 20 : null;
        rows.push({ model: name, seq_len, batch_size, quantization, peak_mb, kvcache_mb, model_mb });
      }
    }
  }
  return rows;
}

async function peakOf(model: ModelRunner, batch: number, tokens: number): Promise<number> {
  const before = process.memoryUsage.rss();
  let peak = before;
  const look = (): void => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const decoder = new Decoder({
    engine: model.engine,
    spec: model.spec,
    weights: model.weights,
    batch,
    max_tokens: tokens,
  });
  try {
    const chunk = Math.min(128, tokens);
    for (let at = 0; at < tokens; at += chunk) {
      const length = Math.min(chunk, tokens - at);
      await decoder.read(Array.from({ length: batch }, () => new Int32Array(length)));
      look();
    }
  } finally {
    decoder.dispose();
  }
  return (peak - before) / 2 ** 20;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
