import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Engine, countFlops, createEngine, isRingEngineError } from "@vrx/ring-engine";
import { type WorkloadSpec, presets } from "@vrx/workload-schema";
import type { Row } from "./row.js";

/** Steps that are timed, after as many as let clocks and caches settle. */
const warmUpSteps = 10;
const steps = 50;
/** The naive step takes seconds. */
const naiveSteps = 5;

const pytorch = fileURLToPath(new URL("../pytorch/", import.meta.url));

interface Timing {
  readonly seconds_per_step: number;
  readonly peak_bytes: number;
}

async function timeRing(engine: Engine, spec: WorkloadSpec): Promise<Timing> {
  const session = await engine.prepare(spec, {}, { seed: 1 });
  try {
    const times: number[] = [];
    for await (const { step, time_s } of session.steps(warmUpSteps + steps))
      if (step >= warmUpSteps) times.push(time_s);
    return { seconds_per_step: median(times), peak_bytes: session.memory.held_bytes };
  } finally {
    session.dispose();
  }
}

/** One PyTorch variant in a process of its own, on the same GPU; a reason where it cannot run. */
function timePytorch(variant: "naive" | "tuned", spec: WorkloadSpec, count: number): Timing | string {
  const { ant_spec: ant, colony_spec: colony } = spec;
  const config = {
    ring_len: ant.ring_len,
    slot_dim: ant.slot_dim,
    synth_len: colony.synth_len,
    batch: colony.batch_size,
    ptr_update_every: colony.ptr_update_every,
  };
  const argv = ["train.py", variant, JSON.stringify(config), variant === "naive" ? "2" : "10", String(count)];
  const { status, stdout, stderr, error } = spawnSync("python3", argv, {
    cwd: pytorch,
    encoding: "utf8",
    timeout: 300_000,
  });
  const line = stdout.trim().split("\n").at(-1) ?? "";
  if (status !== 0) return error?.message ?? stderr.trim().split("\n").at(-1) ?? "it failed";
  const said = JSON.parse(line) as Readonly<Record<string, unknown>>;
  const { status: outcome, why, seconds_per_step, peak_reserved_bytes } = said;
  if (outcome !== "ok" || typeof seconds_per_step !== "number" || typeof peak_reserved_bytes !== "number") {
    return `${String(outcome)}: ${String(why)}`;
  }
  return { seconds_per_step, peak_bytes: peak_reserved_bytes };
}

/** fp32 lanes of a multiprocessor by compute capability (CUDA C++ Programming Guide, arithmetic throughput). */
function fp32Lanes(capability: string): number {
  return ["7.5", "8.0"].includes(capability) ? 64 : 128;
}

/** The highest clock of the multiprocessors, by NVIDIA's own tool; null where it is not there. */
function highestClock_hz(uuid: string): number | null {
  const query = ["--query-gpu=clocks.max.sm", "--format=csv,noheader,nounits", `--id=${uuid}`];
  const { status, stdout } = spawnSync("nvidia-smi", query, { encoding: "utf8", timeout: 10_000 });
  const mhz = Number(stdout);
  return status === 0 && mhz > 0 ? mhz * 1e6 : null;
}

/**
 * od1_real at batch 16 on this host's GPU beside two PyTorch versions of the same training step, in one run, and as a share
 * of the ceiling that binds: the arithmetic in fp32, or the chain of time steps that wait for each other, which the same
 * kernels take with next to nothing to multiply.
 */
export async function run(): Promise<readonly Row[]> {
  let engine: Engine;
  try {
    engine = await createEngine("cuda");
  } catch (error) {
    if (!isRingEngineError(error)) throw error;
    console.error(`  skipped: ${error.message}`);
    return [];
  }
  const { device } = engine;
  if (device === null) return [];
  const spec = presets.od1_real;
  const { batch_size, synth_len } = spec.colony_spec;
  const tokens = (seconds: number): number => (batch_size * synth_len) / seconds;
  const ring = await timeRing(engine, spec);
  const rows: Row[] = [];
  const name = `od1_real, batch ${batch_size}, ${device.name}`;
  for (const [variant, count, aim] of [
    ["naive", naiveSteps, 200],
    ["tuned", steps, 5],
  ] as const) {
    const peer = timePytorch(variant, spec, count);
    if (typeof peer === "string") {
      console.error(`  skipped: ${variant} PyTorch: ${peer}`);
      continue;
    }
    rows.push({
      name: `${name}: training`,
      value: tokens(ring.seconds_per_step),
      unit: "tokens/s",
      baseline: { name: `PyTorch, ${variant}`, value: tokens(peer.seconds_per_step) },
      ratio: peer.seconds_per_step / ring.seconds_per_step,
      aim: aim * tokens(peer.seconds_per_step),
    });
    if (variant === "tuned") continue;
    rows.push({
      name: `${name}: device memory`,
      value: ring.peak_bytes,
      unit: "bytes",
      baseline: { name: `PyTorch, ${variant}, reserved`, value: peer.peak_bytes },
      ratio: ring.peak_bytes / peer.peak_bytes,
      floor: peer.peak_bytes / 50,
    });
  }
  const clock = highestClock_hz(device.uuid);
  const flops = countFlops(spec).per_step;
  const arithmetic_s =
    clock === null ? 0 : flops / (2 * fp32Lanes(device.compute_capability) * device.multiprocessors * clock);
  const narrow = { ...spec, ant_spec: { ...spec.ant_spec, slot_dim: device.multiprocessors } };
  const chain_s = (await timeRing(engine, narrow)).seconds_per_step;
  const [ceiling, bound_s] =
    arithmetic_s > chain_s
      ? (["fp32 arithmetic", arithmetic_s] as const)
      : (["the chain of time steps", chain_s] as const);
  rows.push({
    name: `${name}: share of the ceiling that binds`,
    value: bound_s / ring.seconds_per_step,
    unit: "",
    ratio: bound_s / ring.seconds_per_step,
    ratio_of: ceiling,
    floor: 0.5,
  });
  return rows;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
