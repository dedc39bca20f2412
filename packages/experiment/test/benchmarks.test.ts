import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runBenchmarks } from "../src/benchmark/run-benchmarks.js";
import { writeNpy } from "../src/data/npy.js";
import type { Engine } from "../src/engine/engine.js";
import { openJaxEngine } from "../src/engine/jax-engine.js";
import { buildForward } from "../src/system/build-system.js";
import { Weights } from "../src/system/weights.js";
import { ModelRunner } from "../src/verify/model-runner.js";
import { smallExperiment } from "./support/experiments.js";

const root = mkdtempSync(join(tmpdir(), "vrx-benchmarks-"));
const TOKENS = 100;
const tokens = Int32Array.from({ length: TOKENS }, (_, i) => (7 * i * i + 3) % 12);
let engine: Engine;
let student: ModelRunner;

beforeAll(async () => {
  engine = await openJaxEngine();
  writeFileSync(join(root, "t.npy"), writeNpy({ shape: [TOKENS], data: tokens }));
  const { target } = smallExperiment();
  const batch = { input_ids: { data: new Int32Array(8), shape: [1, 8] } };
  const weights = new Weights(
    engine,
    buildForward(target, { input_ids: { shape: [1, 8], dtype: "int32" } }).parameters,
    1,
  );
  student = new ModelRunner(engine, target, batch, await weights.read());
  weights.dispose();
});
afterAll(() => {
  student.dispose();
  rmSync(root, { recursive: true, force: true });
});

function run(benchmarks: readonly object[], models: object = {}) {
  const { target } = smallExperiment({ benchmarks });
  const dir = mkdtempSync(join(root, "out-"));
  return runBenchmarks({
    benchmarks: target.benchmarks,
    models: { student, teacher: "the run names no teacher_ckpt", ...models },
    dir,
    target: "t & co",
    at: (path) => join(root, path),
  }).then((results) => ({ ...results, dir }));
}
const rowsOf = ({ outcomes }: Awaited<ReturnType<typeof run>>, at = 0) => {
  const outcome = outcomes[at]!;
  if (outcome.status !== "measured") throw new Error(outcome.reason);
  return outcome.rows;
};
const read = (dir: string, name: string): string => readFileSync(join(dir, name), "utf8");

/** -log p of the token at a place of the text, seen with the tokens from `start` on. */
async function loss(start: number, place: number): Promise<number> {
  const part = tokens.slice(start, place);
  const logits = (await student.outputs({ input_ids: { data: part, shape: [1, part.length] } })).get("output:logits")!;
  const row = [...logits.slice(-12)];
  return Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)) - row[tokens[place]!]!;
}

describe("perplexity", () => {
  const perplexity = (config: object, more: object = {}) => ({
    id: "ppl",
    config: { type: "perplexity", dataset: "t.npy", ...config },
    models: ["student"],
    ...more,
  });

  it.each([
    [{ block_size: 16 }, 16, 16],
    [{ block_size: 16, stride: 5 }, 16, 5],
    [{ block_size: 1000 }, 99, 99],
    [{ block_size: 16, batch_size: 4 }, 16, 16],
  ])("scores every token but the first once, with what its window shows: %o", async (config, block, stride) => {
    let sum = 0;
    let scored = 0;
    for (let end = block; scored < TOKENS - 1; end = Math.min(TOKENS - 1, end + stride)) {
      for (; scored < end; scored++) sum += await loss(end - block, scored + 1);
    }
    const [row] = rowsOf(await run([perplexity(config)]));
    expect(row).toMatchObject({ model: "student", num_tokens: TOKENS - 1 });
    expect(row!["loss"]).toBeCloseTo(sum / (TOKENS - 1), 4);
    expect(row!["perplexity"]).toBe(Math.exp(row!["loss"] as number));
  });

  it("stops after as many batches as it may, and counts what it scored", async () => {
    const [row] = rowsOf(await run([perplexity({ block_size: 8, batch_size: 2, num_batches: 3 })]));
    expect(row!["num_tokens"]).toBe(48);
  });

  it("writes its table, its chart twice, and is repeated as often as is asked", async () => {
    const found = await run([perplexity({ block_size: 16 }, { repeats: 2 })]);
    expect(rowsOf(found).map(({ repetition }) => repetition)).toEqual([0, 1]);
    expect(read(found.dir, "perplexity.csv").split("\n")[0]).toBe("model,perplexity,loss,num_tokens");
    expect(read(found.dir, "perplexity.csv").trim().split("\n")).toHaveLength(3);
    expect(found.files).toEqual(["perplexity.csv", "perplexity.svg", "perplexity.png", "tables.tex"]);
    expect(read(found.dir, "perplexity.svg")).toMatch(/^<svg/);
    expect(readFileSync(join(found.dir, "perplexity.png")).subarray(1, 4).toString()).toBe("PNG");
  });
});

describe("latency", () => {
  it("times every combination, apart for prompt and continuation, with the spread of the runs", async () => {
    const config = {
      type: "latency",
      prompt_lengths: [4, 8],
      generation_lengths: [2, 3],
      batch_sizes: [1, 2],
      warmup_runs: 1,
      timed_runs: 3,
    };
    const found = await run([{ id: "speed", config, models: ["student"] }]);
    const rows = rowsOf(found);
    expect(rows.map((row) => [row["batch_size"], row["prompt_len"], row["gen_len"]])).toEqual(
      [1, 2].flatMap((batch) => [4, 8].flatMap((prompt) => [2, 3].map((length) => [batch, prompt, length]))),
    );
    for (const row of rows) {
      const number = (key: string): number => row[key] as number;
      for (const key of ["prefill_ms", "decode_ms"]) expect(number(key)).toBeGreaterThan(0);
      expect(number("total_ms_min")).toBeLessThanOrEqual(number("total_ms"));
      expect(number("total_ms_max")).toBeGreaterThanOrEqual(number("total_ms"));
      expect(row).toMatchObject({ model: "student", use_cache: true, timed_runs: 3 });
      expect(number("tokens_per_sec")).toBeCloseTo(
        (1000 * number("gen_len") * number("batch_size")) / number("total_ms"),
        6,
      );
    }
    expect(read(found.dir, "latency.csv").split("\n")[0]).toMatch(
      /^model,prompt_len,gen_len,batch_size,prefill_ms,decode_ms,total_ms,tokens_per_sec,ttft_ms,use_cache,/,
    );
    expect(found.files).toEqual(
      expect.arrayContaining(["latency.csv", "latency_vs_context.png", "latency_vs_context.svg"]),
    );
  });

  it("continues the same way without a cache, and says that there was none", async () => {
    const config = {
      type: "latency",
      prompt_lengths: [4],
      generation_lengths: [3],
      batch_sizes: [1],
      warmup_runs: 0,
      timed_runs: 1,
    };
    const [row] = rowsOf(await run([{ id: "speed", config: { ...config, use_cache: false }, models: ["student"] }]));
    expect(row).toMatchObject({ use_cache: false, cache_kind: "none" });
  });
});

describe("memory", () => {
  it("counts weights, and what keys and values take in each way of keeping them", async () => {
    const config = {
      type: "memory",
      sequence_lengths: [32, 64],
      batch_sizes: [1, 2],
      measure_peak: false,
      quantization_modes: ["fp32", "fp16", "q8", "q4", "nf4"],
    };
    const found = await run([{ id: "mem", config, models: ["student"] }]);
    const bytes = { fp32: 4, fp16: 2, q8: 34 / 32, q4: 18 / 32, nf4: 18 / 32 };
    const rows = rowsOf(found);
    expect(rows).toHaveLength(20);
    for (const row of rows) {
      // Keys and values of one layer, 8 numbers each.
      const values = 2 * 8 * (row["seq_len"] as number) * (row["batch_size"] as number);
      const expected = (values * bytes[row["quantization"] as keyof typeof bytes]) / 2 ** 20;
      expect(row["kvcache_mb"]).toBeCloseTo(expected, 12);
      expect(row["peak_mb"]).toBeNull();
      expect(row["model_mb"]).toBe((4 * student.weights.count) / 2 ** 20);
    }
    expect(read(found.dir, "memory.csv").split("\n")[0]).toBe(
      "model,seq_len,batch_size,quantization,peak_mb,kvcache_mb,model_mb",
    );
    expect(found.files).toEqual(expect.arrayContaining(["memory.csv", "memory_scaling.png", "memory_scaling.svg"]));
    const peak = { type: "memory", sequence_lengths: [32], batch_sizes: [1], measure_kvcache: false };
    const [row] = rowsOf(await run([{ id: "mem", config: peak, models: ["student"] }]));
    expect(row!["kvcache_mb"]).toBeNull();
    expect(row!["peak_mb"]).toBeGreaterThanOrEqual(0);
  });
});

describe("benchmarks of a target", () => {
  const ok = { id: "ok", config: { type: "perplexity", dataset: "t.npy", block_size: 16 }, models: ["student"] };

  it("go on after one that failed, which says why", async () => {
    const bad = { id: "bad", config: { type: "perplexity", dataset: "none.npy" }, models: ["student"] };
    const { outcomes } = await run([bad, ok]);
    expect(outcomes).toMatchObject([
      { id: "bad", status: "failed", reason: expect.stringContaining("none.npy") as string },
      { id: "ok", status: "measured" },
    ]);
  });

  it("tell of a model that is not there, and fail where none is", async () => {
    const both = await run([{ ...ok, models: ["teacher", "student"] }]);
    expect(both.absent).toEqual({ teacher: "the run names no teacher_ckpt" });
    expect(rowsOf(both)).toHaveLength(1);
    const { outcomes } = await run([{ ...ok, models: ["teacher"] }]);
    expect(outcomes).toMatchObject([
      { status: "failed", reason: "none of its models is there: the run names no teacher_ckpt" },
    ]);
  });

  it("that this engine has not are refused by their type", async () => {
    const { outcomes } = await run([{ id: "x", config: { type: "context" }, models: ["student"] }]);
    expect(outcomes).toMatchObject([{ status: "failed", reason: "the embedded engine has no benchmark context" }]);
  });
});
