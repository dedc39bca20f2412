import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type AntRatioPacket, type Axis, paretoFrontier, readPackets } from "@vrx/ant-ratio";
import type { Row } from "./row.js";

/** The frontier of a million points, and packets read as a stream: how fast, beside what cannot be avoided, and how flat. */
export async function run(): Promise<Row[]> {
  // The stream first: the points of the frontier would stand beside its memory.
  return [...(await streamRows()), ...frontierRows()];
}

const POINTS = 1_000_000;

interface Point {
  readonly speed: number;
  readonly bytes: number;
}

function frontierRows(): Row[] {
  const random = randomFrom(1);
  const points: Point[] = Array.from({ length: POINTS }, () => ({ speed: random(), bytes: random() }));
  const axes: readonly Axis<Point>[] = [
    { key: "speed", better: "higher", value: ({ speed }) => speed },
    { key: "bytes", better: "lower", value: ({ bytes }) => bytes },
  ];
  // The worst there is: every point is on the frontier.
  const chain = points.map((_, i) => ({ speed: i, bytes: i }));
  const sorting = best(() => Float64Array.from(points, ({ speed }) => speed).sort());
  const row = (name: string, value: number): Row => ({
    name,
    value,
    unit: "ms",
    baseline: { name: "sorting one axis of them", value: sorting },
    ratio: value / sorting,
    floor: 1000,
  });
  return [
    row(
      "frontier of 1,000,000 points, two axes",
      best(() => paretoFrontier(points, axes)),
    ),
    row(
      "the same where no point beats another",
      best(() => paretoFrontier(chain, axes)),
    ),
  ];
}

const PACKETS = 200_000;

async function streamRows(): Promise<Row[]> {
  const text = packetLines(1000);
  const bytes = new TextEncoder().encode(text);
  const rounds = PACKETS / 1000;
  function* source(): Generator<Uint8Array, void, undefined> {
    for (let round = 0; round < rounds; round++) {
      for (let from = 0; from < bytes.length; from += 65_536) yield bytes.subarray(from, from + 65_536);
    }
  }
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  let count = 0;
  let early = 0;
  const began = performance.now();
  for await (const read of readPackets(source())) {
    if (read.status !== "ok") throw new Error(`line ${read.line} is no packet`);
    count++;
    if (count === PACKETS / 10) early = heldBytes(gc);
  }
  const seconds = (performance.now() - began) / 1000;
  const late = heldBytes(gc);
  if (count !== PACKETS) throw new Error(`expected ${PACKETS} packets, read ${count}`);
  const spaced = new TextEncoder().encode(text.replaceAll('":', '": '));
  const foreign_began = performance.now();
  for await (const read of readPackets([spaced, spaced, spaced, spaced, spaced])) {
    if (read.status !== "ok") throw new Error(`line ${read.line} is no packet`);
  }
  const foreign = 5000 / ((performance.now() - foreign_began) / 1000);
  const parsing = best(() => text.split("\n").map((line): unknown => (line === "" ? null : JSON.parse(line)))) / 1000;
  const speed = PACKETS / seconds;
  const unchecked = 1000 / parsing;
  return [
    {
      name: "packets read and checked as a stream",
      value: speed,
      unit: "packets/s",
      baseline: { name: "JSON.parse alone, unchecked", value: unchecked },
      ratio: speed / unchecked,
      floor: 20_000,
    },
    {
      name: "the same, written otherwise than vrx does",
      value: foreign,
      unit: "packets/s",
      baseline: { name: "JSON.parse alone, unchecked", value: unchecked },
      ratio: foreign / unchecked,
      floor: 4_000,
    },
    { name: "bytes of the same stream", value: (rounds * bytes.length) / seconds / 1e6, unit: "MB/s" },
    { name: "memory it gained from a tenth to the end", value: (late - early) / 1e6, unit: "MB", floor: 5 },
  ];
}

function heldBytes(gc: () => void): number {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function packetLines(count: number): string {
  const random = randomFrom(2);
  return Array.from({ length: count }, (_, i) => {
    const packet: AntRatioPacket = {
      schema_version: "ant_ratio_packet_v0",
      generated_utc: "2026-01-01T12:00:00Z",
      git_commit: null,
      probe_run_root: `store/results/${i}/run`,
      assoc_run_root: `store/results/${i}`,
      ant_tier: "custom",
      ant_ring_len: 32,
      ant_slot_dim: 64,
      ant_body_cells: 2048,
      ant_body_scale_vs_small: 2048 / 524_288,
      expert_heads: 1,
      batch_size: 32,
      precision: "fp32",
      amp: 0,
      seq_len: 8,
      vram_ratio_reserved: random(),
      peak_vram_reserved_bytes: null,
      total_vram_bytes: null,
      throughput_tokens_per_s: 1e5 * random(),
      throughput_samples_per_s: 1e4 * random(),
      assoc_byte_disjoint_accuracy: random(),
      assoc_eval_disjoint: true,
      assoc_eval_n: 1024,
      token_budget: 1_024_000,
      token_budget_tokens_per_step: 256,
      token_budget_steps: 4000,
      stability_pass: true,
      fail_reasons: [],
      had_oom: false,
      had_nan: false,
      had_inf: false,
      workload_id: "wl_v1_37d4c849bed8",
      probe_id: "wl_v1_37d4c849bed8__E1__fp32_amp0",
      vrx: {
        engine: "cpu",
        device_kind: "cpu",
        assoc_seed: i,
        assoc_chance_accuracy: 0.25,
        assoc_ring_tokens: 1_024_000,
      },
    };
    return `${JSON.stringify(packet)}\n`;
  }).join("");
}

/** Milliseconds: the best of three, after one that warms up. */
function best(work: () => unknown): number {
  let least = Infinity;
  for (let round = 0; round < 4; round++) {
    const began = performance.now();
    work();
    if (round > 0) least = Math.min(least, performance.now() - began);
  }
  return least;
}

/** Numbers from 0 to 1 that a seed decides (a linear congruential generator: any will do). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}
