import { writeWhole } from "@vrx/ant-ratio/report";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readWhole } from "../data/files.js";
import { readSafetensors, writeSafetensors } from "../data/safetensors.js";
import { ExperimentError } from "../errors.js";
import type { HostTensor, StateDict } from "../system/weights.js";
import type { Figures } from "./training-session.js";

/** Why runs end. */
export const STOP_REASONS = ["steps", "converged", "not_converging", "early_stopping", "interrupted"] as const;

/** Why a run ended. */
export type StopReason = (typeof STOP_REASONS)[number];

/** What a run needs to go on exactly where it was. */
export interface Checkpoint {
  readonly run_id: string;
  readonly phase: string;
  /** Steps that were made. With the seed it says which batches and which random numbers come next. */
  readonly steps: number;
  /** SHA-256 of everything that changes the run's result. */
  readonly config_digest: string;
  readonly weights: StateDict;
  /** What the optimiser keeps. */
  readonly slots: StateDict;
  /** Why the run ended; null for one on its way. */
  readonly ended: StopReason | null;
  /** The figures of the last step; none before the first one. */
  readonly figures: Figures;
  /** The best validation so far, for early stopping and the best checkpoint. */
  readonly progress: TrainingProgress;
}

/** What a run remembers of the steps behind it. */
export interface TrainingProgress {
  readonly best_val_loss: number | null;
  readonly best_val_step: number | null;
  /** Validations since the best one. */
  readonly validations_since_best: number;
  /** The lowest training loss, and the steps since, for `convergence_target`. */
  readonly best_loss: number | null;
  readonly steps_since_best: number;
}

const OPTIMIZER = "optimizer:";

/** Writes a checkpoint in safetensors, whole or not at all: parameters by name, `optimizer:SLOT:NAME`, notes. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const { weights, slots, run_id, phase, steps, config_digest, ended, figures, progress } = checkpoint;
  const tensors = new Map<string, HostTensor>(weights);
  for (const [name, tensor] of slots) tensors.set(OPTIMIZER + name, tensor);
  const notes = {
    format: "vrx_checkpoint_v1",
    run_id,
    phase,
    steps: String(steps),
    config_digest,
    ended: JSON.stringify(ended),
    figures: JSON.stringify(figures),
    progress: JSON.stringify(progress),
  };
  await writeWhole(path, writeSafetensors(tensors, notes));
}

/** Reads a checkpoint. Rejects with `invalid_file` where the file is none of this package. */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { bytes } = await readWhole(path);
  const { tensors, metadata } = readSafetensors(bytes, path);
  if (metadata["format"] !== "vrx_checkpoint_v1") {
    throw new ExperimentError("invalid_file", `${path}: these are tensors, but no checkpoint of a run`);
  }
  const weights = new Map<string, HostTensor>();
  const slots = new Map<string, HostTensor>();
  for (const [name, { shape, data }] of tensors) {
    const tensor = { shape, data: Float32Array.from(data) };
    if (name.startsWith(OPTIMIZER)) slots.set(name.slice(OPTIMIZER.length), tensor);
    else weights.set(name, tensor);
  }
  const { run_id, phase, config_digest } = metadata;
  const steps = Number(metadata["steps"]);
  const progress = progressOf(metadata["progress"]);
  if (run_id === undefined || phase === undefined || config_digest === undefined || progress === undefined) {
    throw new ExperimentError("invalid_file", `${path}: the checkpoint does not say which run it is of`);
  }
  if (!Number.isSafeInteger(steps) || steps < 0) {
    throw new ExperimentError(
      "invalid_file",
      `${path}: expected a number of steps, found ${metadata["steps"] ?? "none"}`,
    );
  }
  const { ended, figures } = endOf(metadata);
  return { run_id, phase, steps, config_digest, ended, figures, weights, slots, progress };
}

/** How a run ended, where its checkpoint says so. */
function endOf(metadata: Readonly<Record<string, string>>): Pick<Checkpoint, "ended" | "figures"> {
  const parse = (text: string | undefined): unknown => {
    try {
      return JSON.parse(text ?? "null");
    } catch {
      return null;
    }
  };
  const [ended, figures] = [parse(metadata["ended"]), parse(metadata["figures"])];
  const entries = typeof figures === "object" && figures !== null ? Object.entries(figures) : [];
  return {
    ended: STOP_REASONS.find((reason) => reason === ended) ?? null,
    figures: Object.fromEntries(entries.filter((entry): entry is [string, number] => typeof entry[1] === "number")),
  };
}

function progressOf(text: string | undefined): TrainingProgress | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const found = value as Readonly<Record<keyof TrainingProgress, unknown>>;
  const isNumber = (part: unknown): boolean => typeof part === "number";
  const isNumberOrNull = (part: unknown): boolean => part === null || isNumber(part);
  const isProgress =
    isNumberOrNull(found.best_val_loss) &&
    isNumberOrNull(found.best_val_step) &&
    isNumberOrNull(found.best_loss) &&
    isNumber(found.validations_since_best) &&
    isNumber(found.steps_since_best);
  return isProgress ? (value as TrainingProgress) : undefined;
}

/** The parameters in a file of tensors: a checkpoint's, or all there are. */
export async function readWeights(path: string): Promise<StateDict> {
  const { bytes } = await readWhole(path);
  const { tensors } = readSafetensors(bytes, path);
  const own = [...tensors].filter(([name]) => !name.startsWith(OPTIMIZER));
  return new Map(own.map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]));
}

/** Where the checkpoints of a run are: `RUN_PHASE_stepN`, `_best` and `_final`. */
export class CheckpointFolder {
  readonly #dir: string;
  readonly #stem: string;

  constructor(dir: string, run_id: string, phase: string) {
    this.#dir = dir;
    this.#stem = `${run_id.replace(/[^\w.-]/g, "_")}_${phase}`;
  }

  path(which: number | "best" | "final"): string {
    const suffix = typeof which === "number" ? `step${which}` : which;
    return join(this.#dir, `${this.#stem}_${suffix}.safetensors`);
  }

  /** The steps of the checkpoints on the way, in order. */
  async steps(): Promise<number[]> {
    const names = await readdir(this.#dir).catch(() => []);
    const prefix = `${this.#stem}_step`;
    return names
      .filter((name) => name.startsWith(prefix) && /^\d+\.safetensors$/.test(name.slice(prefix.length)))
      .map((name) => Number.parseInt(name.slice(prefix.length), 10))
      .sort((a, b) => a - b);
  }

  /** Removes the checkpoints on the way, except that of a step. */
  async removeSteps(except?: number): Promise<void> {
    for (const step of await this.steps()) if (step !== except) await rm(this.path(step), { force: true });
  }
}
