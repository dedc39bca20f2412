import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AttemptRunner,
  type SweepDocument,
  type Trial,
  type TrialStore,
  defineSweep,
  expandSweep,
  localExecutor,
  openStore,
  planSweep,
  runSweep,
  spawnTrial,
  trialsOf,
} from "@vrx/harness";
import { type EngineKind, createEngine, isRingEngineError } from "@vrx/ring-engine";
import type { Row } from "./row.js";

/** Planning, running and going on with sweeps: what the harness costs beside the trials themselves. */
export async function run(): Promise<Row[]> {
  return [...(await planningRows()), ...(await finishedRows()), ...(await overheadRows()), ...(await measuringRows())];
}

const PLANNED = 100_000;
const FINISHED = 10_000;

function sweepOf(configurations: number, seeds: readonly number[]): SweepDocument {
  return defineSweep({
    schema_version: "vrx_sweep_v1",
    name: "bench",
    base: {
      ring_len: 16,
      slot_dim: 8,
      ptr_dtype: "fp64",
      precision: "fp64",
      seq_len: 8,
      synth_len: 8,
      batch_size: 4,
      ptr_update_every: 1,
      state_loop_samples: 0,
    },
    axes: [
      { grid: { "options.learning_rate": Array.from({ length: configurations / 100 }, (_, i) => (i + 1) / 1e6) } },
      { grid: { ring_len: Array.from({ length: 100 }, (_, i) => 16 + i) } },
    ],
    seeds,
    runner: { engine: "reference" },
    probe: { warmup_steps: 1, measure_steps: 20 },
    ...(seeds.length === 1
      ? {}
      : {
          capability: {
            task: { keys: 4, pairs: 2, values: 4, train_samples: 8, eval_samples: 8 },
            ring_tokens: 3200,
          },
        }),
    order: { shuffle: true, seed: 1 },
  });
}

/** The trials of a sweep, and the least time of three that it took to find them and what they need. */
async function planned(
  configurations: number,
  seeds: readonly number[],
): Promise<{ trials: readonly Trial[]; ms: number }> {
  const sweep = sweepOf(configurations, seeds);
  let least = Infinity;
  let trials: readonly Trial[] = [];
  for (let round = 0; round < 3; round++) {
    const began = performance.now();
    const configurations = await expandSweep(sweep);
    trials = trialsOf(sweep, configurations);
    await planSweep(configurations);
    least = Math.min(least, performance.now() - began);
  }
  return { trials, ms: least };
}

async function planningRows(): Promise<Row[]> {
  const one = await planned(PLANNED, [1]);
  const five = await planned(PLANNED / 5, [1, 2, 3, 4]);
  const began = performance.now();
  for (const { plan } of one.trials) JSON.parse(JSON.stringify(plan));
  const baseline = { name: "their plans to JSON and back", value: performance.now() - began };
  const row = (name: string, { trials, ms }: typeof one): Row => {
    if (trials.length !== PLANNED) throw new Error(`expected ${PLANNED} trials, planned ${trials.length}`);
    return { name, value: ms, unit: "ms", baseline, ratio: ms / baseline.value, floor: 2000 };
  };
  return [
    row("planning 100,000 configurations of one trial", one),
    row("planning 20,000 configurations of five trials", five),
  ];
}

/** A folder in memory where there is one: what is measured here is reading, and writing it is preparation. */
function scratch(fast: boolean): string {
  return mkdtempSync(join(fast && existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "vrx-bench-"));
}

const nothing: AttemptRunner = () =>
  Promise.resolve({
    status: "passed",
    reasons: [],
    started_utc: new Date().toISOString(),
    executor: "bench",
    gpu_uuid: null,
    simulated: false,
    figures: {},
  });

async function goOn(trials: readonly Trial[], store: TrialStore, verify: boolean): Promise<number> {
  const began = performance.now();
  let known = 0;
  for await (const { event } of runSweep(trials, { store, executor: localExecutor({ run: nothing }), verify })) {
    if (event === "known") known++;
  }
  if (known !== trials.length) throw new Error(`expected ${trials.length} known trials, found ${known}`);
  return performance.now() - began;
}

async function finishedRows(): Promise<Row[]> {
  const dir = scratch(true);
  try {
    const sweep = sweepOf(FINISHED, [1]);
    const { trials } = await planned(FINISHED, [1]);
    const filling = await openStore(dir);
    for await (const { event } of runSweep(trials, {
      store: filling,
      executor: localExecutor({ run: nothing, parallel: 8 }),
    })) {
      if (event === "lost") throw new Error("a trial was lost");
    }
    await filling.close();
    // From the sweep on, as a process that has just begun does it.
    const began = performance.now();
    const store = await openStore(dir);
    const again = trialsOf(sweep, await expandSweep(sweep));
    await goOn(again, store, false);
    const by_journal = performance.now() - began;
    const verified = await goOn(again, store, true);
    await store.close();
    return [
      {
        name: "going on with 10,000 finished trials",
        value: by_journal,
        unit: "ms",
        baseline: { name: "the same, every result verified", value: verified },
        ratio: by_journal / verified,
        floor: 1000,
      },
      { name: "verifying a result", value: verified / FINISHED, unit: "ms" },
    ];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const TRIALS = 20;

async function overheadRows(): Promise<Row[]> {
  const dir = scratch(false);
  try {
    const { trials } = await planned(100, [1]);
    let own_ms = 0;
    const timed: AttemptRunner = async (attempt) => {
      const began = performance.now();
      try {
        return await spawnTrial(attempt);
      } finally {
        own_ms += performance.now() - began;
      }
    };
    const store = await openStore(dir);
    const began = performance.now();
    let finished = 0;
    for await (const event of runSweep(trials.slice(0, TRIALS), { store, executor: localExecutor({ run: timed }) })) {
      if (event.event === "finished") finished++;
      if (event.event === "lost") throw new Error(event.why);
    }
    const all_ms = performance.now() - began;
    await store.close();
    if (finished !== TRIALS) throw new Error(`expected ${TRIALS} finished trials, found ${finished}`);
    return [
      {
        name: "executor, per trial beyond its own process",
        value: (all_ms - own_ms) / TRIALS,
        unit: "ms",
        baseline: { name: "the process of a probe of 21 steps", value: own_ms / TRIALS },
        ratio: (all_ms - own_ms) / own_ms,
        floor: 20,
      },
    ];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What each of two probes of a preset measures: some ten seconds of it. */
const MEASURED: readonly { readonly engine: EngineKind; readonly base: string; readonly measure_steps: number }[] = [
  { engine: "cpu", base: "od1_small", measure_steps: 800 },
  { engine: "cuda", base: "od1_real", measure_steps: 3000 },
];

/** How much of a sweep's time its measured steps are; the rest is processes, warm-up, artifacts and the store. */
async function measuringRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { engine, base, measure_steps } of MEASURED) {
    try {
      await createEngine(engine);
    } catch (error) {
      if (!isRingEngineError(error)) throw error;
      console.error(`  skipped: the share of measuring on ${engine}: ${error.message}`);
      continue;
    }
    const dir = scratch(false);
    try {
      const store = await openStore(dir);
      const sweep = defineSweep({
        schema_version: "vrx_sweep_v1",
        name: "measuring",
        base,
        axes: [{ grid: { "options.learning_rate": [1e-3, 2e-3] } }],
        seeds: [1],
        runner: { engine },
        probe: { warmup_steps: 10, measure_steps },
      });
      const began = performance.now();
      let measured_s = 0;
      const trials = trialsOf(sweep, await expandSweep(sweep));
      for await (const event of runSweep(trials, { store, executor: localExecutor() })) {
        if (event.event === "lost") throw new Error(event.why);
        if (event.event === "finished") measured_s += await measuredSeconds(store, event.digest);
      }
      const all_s = (performance.now() - began) / 1000;
      await store.close();
      rows.push({
        name: `${engine}: measured steps of two probes of ${base}`,
        value: measured_s,
        unit: "s",
        ratio: measured_s / all_s,
        ratio_of: "the whole sweep",
        ...(engine === "cuda" ? { floor: 0.9 * all_s } : {}),
      });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  return rows;
}

async function measuredSeconds(store: TrialStore, digest: string): Promise<number> {
  const folder = await store.resultFolder(digest);
  if (folder === null) throw new Error(`the result of ${digest} is not there`);
  const { measure_wall_time_s } = JSON.parse(readFileSync(join(folder, "run/metrics.json"), "utf8")) as {
    readonly measure_wall_time_s: number;
  };
  return measure_wall_time_s;
}
