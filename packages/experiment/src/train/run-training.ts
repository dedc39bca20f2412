import type { LoweredRun, Metric, TrainerConfig } from "@vrx/manifest";
import type { Batch, Dataset, LossReference } from "../data/dataset.js";
import type { Engine } from "../engine/engine.js";
import { ExperimentError } from "../errors.js";
import type { ParameterSpec } from "../layers/initial.js";
import type { SystemSpec } from "../system/build-system.js";
import type { StateDict } from "../system/weights.js";
import {
  type Checkpoint,
  CheckpointFolder,
  type StopReason,
  type TrainingProgress,
  readCheckpoint,
  writeCheckpoint,
} from "./checkpoint.js";
import { withMetrics } from "./metrics.js";
import { learningRateFactor } from "./schedule.js";
import { type Figures, TrainingSession, batchSpec } from "./training-session.js";

/** What happens while a run trains. */
export type TrainingEvent =
  | { readonly type: "begin"; readonly step: number; readonly data: Readonly<Record<string, unknown>> }
  | { readonly type: "metrics"; readonly step: number; readonly data: { readonly metrics: Figures } }
  | { readonly type: "validation"; readonly step: number; readonly data: { readonly metrics: Figures } }
  | { readonly type: "checkpoint"; readonly step: number; readonly data: { readonly path: string } }
  | { readonly type: "end"; readonly step: number; readonly data: { readonly reason: StopReason } };

/** Losses on held-out data: what came out, what is possible, and what a guess would give. */
export interface Validation extends Partial<LossReference> {
  readonly figures: Figures;
  readonly batches: number;
}

/** What a run of training came to. */
export interface TrainingResult {
  readonly reason: StopReason;
  readonly steps: number;
  readonly resumed_from: number | null;
  readonly figures: Figures;
  readonly validation: Validation | null;
  readonly progress: TrainingProgress;
  readonly weights: StateDict;
  /** The weights before the first step of this run. */
  readonly initial: StateDict;
  readonly parameters: readonly ParameterSpec[];
}

/** What a run of training is given. */
export interface RunTrainingOptions {
  readonly engine: Engine;
  readonly spec: SystemSpec;
  readonly run: LoweredRun;
  readonly dataset: Dataset;
  readonly trainer: TrainerConfig<"trainer.standard">;
  readonly checkpoint_dir: string;
  /** The final checkpoint of this run, which is then not trained again. */
  readonly done?: Checkpoint;
  /** Of everything that changes the result. */
  readonly config_digest: string;
  readonly save_every: number;
  /** Steps between validations; 0: only at the end. */
  readonly eval_every: number;
  /** Weights to begin with, as an earlier run of the target left them. */
  readonly state?: StateDict;
  readonly isTrainable?: (parameter: ParameterSpec) => boolean;
  /** What the target measures besides the loss. */
  readonly metrics?: readonly Metric[];
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: TrainingEvent) => void;
  /** Called after each step with its time in seconds. */
  readonly onStep?: (figures: Figures, time_s: number) => void;
}

/**
 * Trains a system for one run of a manifest: validation on the way, checkpoints, the best one, early stopping and
 * convergence as the manifest says. A run that was interrupted goes on from its last checkpoint, bit for bit; one that
 * is interrupted now (`signal`) writes a checkpoint first and ends with the reason `interrupted`.
 */
export async function runTraining(options: RunTrainingOptions): Promise<TrainingResult> {
  const { engine, spec, run, dataset, config_digest, onEvent = () => undefined } = options;
  const { train } = run;
  const accumulate = train.gradient_accumulation_steps;
  const size = batchSize(train);
  const batchAt = (place: number): Batch => dataset.trainBatch(run.seed, place, size);
  const session = new TrainingSession({
    engine,
    spec,
    train,
    seed: run.seed,
    batch: batchSpec(batchAt(0)),
    ...(options.state === undefined ? {} : { state: options.state }),
    ...(options.isTrainable === undefined ? {} : { isTrainable: options.isTrainable }),
  });
  const folder = new CheckpointFolder(options.checkpoint_dir, run.id, train.phase);
  try {
    const initial = await session.weights.read();
    let progress: TrainingProgress = {
      best_val_loss: null,
      best_val_step: null,
      validations_since_best: 0,
      best_loss: null,
      steps_since_best: 0,
    };
    const from = options.done ?? (await lastCheckpoint(options, folder));
    if (from !== undefined) {
      session.restore(from);
      progress = from.progress;
    }
    let reason: StopReason = from?.ended ?? "steps";
    let figures: Figures = from?.figures ?? {};
    const save = async (which: number | "best" | "final"): Promise<void> => {
      const state = await session.state();
      const path = folder.path(which);
      const ended = which === "final" ? reason : null;
      const own = { run_id: run.id, phase: train.phase, config_digest, ended, figures, progress };
      await writeCheckpoint(path, { ...own, ...state });
      onEvent({ type: "checkpoint", step: session.steps, data: { path } });
    };
    const validate = async (): Promise<Validation | null> => {
      const found = await validateOn(session, dataset, size, run.seed);
      const validation = found === null ? null : { ...found, figures: withMetrics(found.figures, options.metrics) };
      if (validation !== null)
        onEvent({ type: "validation", step: session.steps, data: { metrics: figuresOf(validation) } });
      return validation;
    };
    const converging = train.convergence_target !== null;
    const limit = converging ? Math.min(run.steps, train.convergence_max_steps) : run.steps;
    onEvent({
      type: "begin",
      step: session.steps,
      data: {
        engine: engine.name,
        engine_version: engine.version,
        device: engine.device,
        dtype: "float32",
        parameters: session.weights.count,
        batch_size: size,
        resumed_from: from?.steps ?? null,
      },
    });
    let validated: { readonly step: number; readonly validation: Validation | null } | undefined;
    while (session.steps < limit && options.done === undefined) {
      if (options.signal?.aborted === true) {
        reason = "interrupted";
        break;
      }
      const step = session.steps;
      const began = performance.now();
      const lr = train.lr * learningRateFactor(train, step, run.steps);
      const batches = Array.from({ length: accumulate }, (_, i) => batchAt(step * accumulate + i));
      figures = withMetrics({ ...(await session.step(batches, lr)), lr }, options.metrics);
      const time_s = (performance.now() - began) / 1000;
      options.onStep?.(figures, time_s);
      const loss = figures["loss"] ?? NaN;
      const better = progress.best_loss === null || loss < progress.best_loss;
      progress = {
        ...progress,
        best_loss: better ? loss : progress.best_loss,
        steps_since_best: better ? 0 : progress.steps_since_best + 1,
      };
      const done = session.steps;
      if (done % train.telemetry_interval === 0 || done === limit) {
        onEvent({
          type: "metrics",
          step: done,
          data: { metrics: telemetry(figures, time_s, size * accumulate, train.block_size) },
        });
      }
      if (train.convergence_target !== null && loss <= train.convergence_target) reason = "converged";
      else if (converging && progress.steps_since_best >= train.convergence_patience) reason = "not_converging";
      if (options.eval_every > 0 && (done % options.eval_every === 0 || done === limit)) {
        const validation = await validate();
        validated = { step: done, validation };
        const val = validation?.figures["loss"];
        if (val !== undefined) {
          const least = options.trainer.early_stopping_min_delta;
          const improved = progress.best_val_loss === null || val < progress.best_val_loss - least;
          progress = improved
            ? { ...progress, best_val_loss: val, best_val_step: done, validations_since_best: 0 }
            : { ...progress, validations_since_best: progress.validations_since_best + 1 };
          if (improved && options.trainer.keep_best) await save("best");
          const patience = options.trainer.early_stopping_patience;
          if (patience !== null && progress.validations_since_best >= patience) reason = "early_stopping";
        }
      }
      if (reason !== "steps") break;
      if (done % options.save_every === 0 && done < limit) {
        await save(done);
        await folder.removeSteps(done);
      }
    }
    if (reason === "interrupted") {
      await save(session.steps);
      await folder.removeSteps(session.steps);
    } else {
      await save("final");
      await folder.removeSteps();
    }
    const validation =
      reason === "interrupted" ? null : validated?.step === session.steps ? validated.validation : await validate();
    onEvent({ type: "end", step: session.steps, data: { reason } });
    return {
      reason,
      steps: session.steps,
      resumed_from: from?.steps ?? null,
      figures,
      validation,
      progress,
      weights: await session.weights.read(),
      initial,
      parameters: session.weights.specs,
    };
  } finally {
    session.dispose();
  }
}

/** The final checkpoint of a run, where there is one of this very run; what cannot be read is none. */
export async function finishedRun(
  dir: string,
  run: LoweredRun,
  config_digest: string,
): Promise<Checkpoint | undefined> {
  const path = new CheckpointFolder(dir, run.id, run.train.phase).path("final");
  const found = await readCheckpoint(path).catch(() => undefined);
  return found?.config_digest === config_digest && found.ended !== null ? found : undefined;
}

/** Samples in a batch; longer blocks make smaller ones where the manifest says so. */
export function batchSize(train: LoweredRun["train"]): number {
  if (!train.auto_batch_size) return train.batch_size;
  const scaled = Math.trunc((train.batch_size * train.auto_batch_ref_block_size) / train.block_size);
  return Math.max(train.auto_batch_min, scaled);
}

/** The mean figures of all held-out batches; null where nothing is held out. */
async function validateOn(
  session: TrainingSession,
  dataset: Dataset,
  size: number,
  seed: number,
): Promise<Validation | null> {
  const sums: Record<string, number> = {};
  const references: LossReference[] = [];
  let batches = 0;
  for (const batch of dataset.valBatches(size, seed)) {
    for (const [name, value] of Object.entries(await session.evaluate(batch))) sums[name] = (sums[name] ?? 0) + value;
    const reference = dataset.reference?.(batch);
    if (reference !== undefined) references.push(reference);
    batches++;
  }
  if (batches === 0) return null;
  const figures = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / batches]));
  const mean = (pick: (reference: LossReference) => number | undefined): number | undefined => {
    const values = references.map(pick).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
  };
  const known = {
    floor: mean(({ floor }) => floor),
    guessing: mean(({ guessing }) => guessing),
    best_accuracy: mean(({ best_accuracy }) => best_accuracy),
    guessing_accuracy: mean(({ guessing_accuracy }) => guessing_accuracy),
  };
  const given = Object.entries(known).filter(([, value]) => value !== undefined);
  return { figures, batches, ...(Object.fromEntries(given) as Partial<LossReference>) };
}

function figuresOf({ figures, floor, guessing, best_accuracy, guessing_accuracy }: Validation): Figures {
  const named = Object.entries(figures).map(([name, value]) => [`val_${name}`, value] as const);
  const known = Object.entries({ floor, guessing, best_accuracy, guessing_accuracy });
  const reference = known.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return Object.fromEntries([...named, ...reference]);
}

function telemetry(figures: Figures, time_s: number, samples: number, block: number): Figures {
  const loss = figures["loss"] ?? NaN;
  return { ...figures, train_loss: loss, ppl: Math.exp(loss), time_step_s: time_s, tok_s: (samples * block) / time_s };
}

/** The checkpoint to go on from: the one that is named, or the last one of a run that did not end. */
async function lastCheckpoint(options: RunTrainingOptions, folder: CheckpointFolder): Promise<Checkpoint | undefined> {
  const { run, trainer, config_digest } = options;
  const step = trainer.resume_from === null && run.train.auto_resume ? (await folder.steps()).at(-1) : undefined;
  const path = trainer.resume_from ?? (step === undefined ? undefined : folder.path(step));
  if (path === undefined) return undefined;
  const checkpoint = await readCheckpoint(path);
  if (checkpoint.config_digest === config_digest) return checkpoint;
  throw new ExperimentError(
    "checkpoint_mismatch",
    `${path} is of a run with another configuration or other data: remove it, or set train.auto_resume to false`,
    { details: { wanted: config_digest, found: checkpoint.config_digest } },
  );
}
