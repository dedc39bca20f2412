import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setImmediate as immediate } from "node:timers/promises";
import type { CapabilityReport } from "@vrx/ant-ratio";
import {
  type RingBatch,
  type Session,
  createEngine,
  isRingEngineError,
  randomStream,
  resolveRingOptions,
} from "@vrx/ring-engine";
import { computeWorkloadDigest, computeWorkloadId } from "@vrx/workload-schema";
import { HarnessError } from "../errors.js";
import { writeDurably } from "../store/durable.js";
import type { CapabilityPlan } from "../trial/trial.js";
import { trialDigest } from "../trial/trial-digest.js";
import { type AssocData, type AssocSample, assocData } from "./assoc-data.js";
import { taskProblems } from "./check-task.js";
import { type TrainingProgress, readTrainingCheckpoint, writeTrainingCheckpoint } from "./checkpoint-file.js";

/** The name of the report in the folder of a capability run. */
export const REPORT_FILE = "report.json";

/** Seeds of the evaluation data are this far from those of training; seeds themselves are smaller. */
const EVAL_SEED_OFFSET = 2 ** 32;

/** Seconds between two checkpoints. */
const CHECKPOINT_S = 5;

export interface CapabilityProgress {
  readonly phase: "data" | "training" | "evaluation";
  readonly done: number;
  readonly of: number;
  readonly loss: number | null;
}

export interface CapabilityOptions {
  /** Where `report.json` goes; made if it is not there. */
  readonly folder: string;
  /** The file training leaves checkpoints in and goes on from; none are written when left out. Removed in the end. */
  readonly checkpoint?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CapabilityProgress) => void;
}

export type CapabilityOutcome =
  | { readonly status: "evaluated"; readonly report: CapabilityReport }
  /** The loss is no number any more: nothing can be learnt from here on, and nothing is reported. */
  | { readonly status: "diverged"; readonly step: number; readonly loss: number };

function batchOf(samples: readonly AssocSample[], size: number, pointers: (row: number) => number): RingBatch {
  const length = samples[0]?.x.length ?? 0;
  const x = new Float64Array(size * length);
  const y = new Int32Array(size);
  for (let row = 0; row < size; row++) {
    // A last batch that is not full is filled up with its own first samples, which are not counted.
    const sample = samples[row % samples.length];
    if (sample === undefined) continue;
    x.set(sample.x, row * length);
    y[row] = sample.y;
  }
  return { x, y, pointer_unit: Float64Array.from({ length: size }, (_, row) => pointers(row)) };
}

/** The batch of a step: samples drawn evenly from the training set, by the seed and the step alone. */
function trainingBatch({ train }: AssocData, batch_size: number, seed: number, step: number): RingBatch {
  const drawn = randomStream(seed, "labels", step);
  const pointers = randomStream(seed, "pointers", step);
  const samples = Array.from({ length: batch_size }, (_, row) => {
    const sample = train[Math.floor(drawn.uniform(row) * train.length)];
    if (sample === undefined) throw new HarnessError("invalid_argument", "the training set is empty");
    return sample;
  });
  return batchOf(samples, batch_size, (row) => pointers.uniform24(row));
}

interface Evaluated {
  readonly hits: number;
  readonly loss: number;
}

async function evaluate(
  session: Session,
  samples: readonly AssocSample[],
  seed: number,
  signal: AbortSignal | undefined,
): Promise<Evaluated> {
  const { batch_size, num_classes } = session.config;
  let hits = 0;
  let loss = 0;
  const pause = breather();
  for (let from = 0; from < samples.length; from += batch_size) {
    await pause();
    signal?.throwIfAborted();
    const part = samples.slice(from, from + batch_size);
    // Each sample's pointer start is its own, whatever the batch size.
    const batch = batchOf(part, batch_size, (row) =>
      randomStream(seed, "pointers", from + (row % part.length)).uniform24(0),
    );
    const { logits } = await session.evaluate(batch);
    for (const [row, { y }] of part.entries()) {
      const own = logits.subarray(row * num_classes, (row + 1) * num_classes);
      const best = own.reduce((winner, logit, k) => (logit > (own[winner] ?? -Infinity) ? k : winner), 0);
      if (best === y) hits++;
      const top = own[best] ?? 0;
      loss += Math.log(own.reduce((sum, logit) => sum + Math.exp(logit - top), 0)) + top - (own[y] ?? 0);
    }
  }
  return { hits, loss: loss / samples.length };
}

/**
 * Trains a configuration on associative recall for a number of steps and evaluates it on samples it has not seen, with
 * the settings it was trained with. With the same engine, threads and seed the report is the same but for its times,
 * also when training was interrupted and went on from a checkpoint.
 *
 * Rejects with `invalid_argument` for a task that cannot be (all problems at once), with `unsupported` for a runner that
 * is not the ring, with the engine's error where it cannot execute the workload, or with the signal's reason, after a
 * last checkpoint.
 */
export async function runCapability(plan: CapabilityPlan, options: CapabilityOptions): Promise<CapabilityOutcome> {
  const { workload, task, seed, steps, heads, runner } = plan;
  const { folder, signal, onProgress = () => undefined } = options;
  if (runner.kind !== "ring") {
    throw new HarnessError("unsupported", "runCapability trains the ring; a program of your own is run by the harness");
  }
  const { ant_spec, colony_spec } = workload;
  const length = colony_spec.synth_len;
  const problems = [...taskProblems(task, length)];
  if (!(Number.isSafeInteger(seed) && seed >= 0 && seed < EVAL_SEED_OFFSET)) {
    problems.push(`seed: expected a whole number below 2^32, found ${seed}`);
  }
  if (!Number.isSafeInteger(steps) || steps < 1) problems.push(`steps: expected at least 1, found ${steps}`);
  if (problems.length > 0) throw new HarnessError("invalid_argument", problems.join("\n"), { details: { problems } });

  await mkdir(folder, { recursive: true });
  if (options.checkpoint !== undefined) await mkdir(dirname(options.checkpoint), { recursive: true });
  onProgress({ phase: "data", done: 0, of: task.train_samples + task.eval_samples, loss: null });
  const eval_data_seed = seed + EVAL_SEED_OFFSET;
  const data = assocData(task, length, seed, eval_data_seed);
  signal?.throwIfAborted();
  const engine = await createEngine(runner.engine, runner.engine_options);
  const ringOptions = { ...runner.options, expert_heads: heads, num_classes: task.values };
  const session = await engine.prepare(workload, ringOptions, {
    seed,
    batches: (step) => trainingBatch(data, colony_spec.batch_size, seed, step),
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    const trained = await train(session, plan, options);
    if (trained.status === "diverged") return trained;
    onProgress({ phase: "evaluation", done: steps, of: steps, loss: trained.progress.loss_last });
    const { hits, loss } = await evaluate(session, data.evaluation, eval_data_seed, signal);
    const resolved = resolveRingOptions(ringOptions);
    if (resolved.status === "invalid") throw new HarnessError("invalid_argument", "the options of the ring are wrong");
    const report: CapabilityReport = {
      schema_version: "assoc_report_v1",
      benchmark: "assoc_byte",
      generated_utc: new Date().toISOString(),
      workload_id: computeWorkloadId(workload),
      workload_digest: computeWorkloadDigest(workload),
      settings: {
        seed,
        train_data_seed: seed,
        eval_data_seed,
        ring_len: ant_spec.ring_len,
        slot_dim: ant_spec.slot_dim,
        expert_heads: heads,
        batch_size: colony_spec.batch_size,
        seq_len: colony_spec.seq_len,
        precision: ant_spec.precision,
        keys: task.keys,
        pairs: task.pairs,
        val_range: task.values,
        unique_keys: data.unique_keys,
        eval_disjoint: data.overlap.shared === 0,
        update_scale: resolved.options.update_scale,
        learning_rate: resolved.options.learning_rate,
      },
      overlap: data.overlap,
      levels: {
        chance: 1 / task.values,
        // One of the shown values: the right one, or another pair's that happens to be the same.
        copy: 1 / task.pairs + (1 - 1 / task.pairs) / task.values,
        // Keys of a sample differ, so that every question has one answer.
        ceiling: 1,
      },
      engine: { kind: engine.kind, version: engine.version, simulated: engine.device?.simulated ?? false },
      train: {
        steps: session.completed_steps,
        planned_steps: steps,
        ring_tokens: session.completed_steps * colony_spec.batch_size * colony_spec.seq_len,
        ...trained.progress,
      },
      eval: { eval_acc: hits / task.eval_samples, eval_hits: hits, eval_n: task.eval_samples, eval_loss: loss },
    };
    await writeDurably(join(folder, REPORT_FILE), `${JSON.stringify(report, null, 2)}\n`);
    if (options.checkpoint !== undefined) await rm(options.checkpoint, { force: true });
    return { status: "evaluated", report };
  } finally {
    session.dispose();
  }
}

/** How long signals and timers of this process may have to wait for a loop of steps. */
const BREATH_MS = 50;

/** Lets the event loop turn now and then: steps of an engine in JavaScript alone never would. */
function breather(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < BREATH_MS) return;
    await immediate();
    last = performance.now();
  };
}

/** Whether the session goes on from a checkpoint; one that is damaged, or of another engine, is none. */
async function restored(session: Session, engine: Uint8Array): Promise<boolean> {
  try {
    await session.restore(engine);
    return true;
  } catch (error) {
    if (isRingEngineError(error) && /^(invalid_checkpoint|checkpoint_mismatch)$/.test(error.code)) return false;
    throw error;
  }
}

async function train(
  session: Session,
  plan: CapabilityPlan,
  { checkpoint, signal, onProgress = () => undefined }: CapabilityOptions,
): Promise<
  | { readonly status: "trained"; readonly progress: TrainingProgress }
  | { readonly status: "diverged"; readonly step: number; readonly loss: number }
> {
  const digest = trialDigest(plan);
  const found = checkpoint === undefined ? null : await readTrainingCheckpoint(checkpoint, digest);
  const kept = found !== null && (await restored(session, found.engine)) ? found : null;
  let { loss_first, loss_last, wall_s } = kept?.progress ?? { loss_first: null, loss_last: null, wall_s: 0 };
  const before_s = wall_s;
  const began = performance.now();
  let saved = began;
  const save = async (): Promise<void> => {
    if (checkpoint === undefined) return;
    await writeTrainingCheckpoint(checkpoint, digest, { loss_first, loss_last, wall_s }, await session.checkpoint());
    saved = performance.now();
  };
  const pause = breather();
  while (session.completed_steps < plan.steps) {
    await pause();
    if (signal?.aborted === true) {
      await save();
      signal.throwIfAborted();
    }
    const { loss } = await session.step();
    wall_s = before_s + (performance.now() - began) / 1000;
    if (!Number.isFinite(loss)) return { status: "diverged", step: session.completed_steps, loss };
    loss_first ??= loss;
    loss_last = loss;
    onProgress({ phase: "training", done: session.completed_steps, of: plan.steps, loss });
    if (performance.now() - saved > CHECKPOINT_S * 1000) await save();
  }
  return { status: "trained", progress: { loss_first, loss_last, wall_s } };
}
