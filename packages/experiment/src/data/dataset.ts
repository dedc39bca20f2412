import type { TensorData } from "../engine/engine.js";
import type { Shape } from "../tensor/program.js";

/** Samples side by side, by key. */
export type Batch = Readonly<Record<string, { readonly data: TensorData; readonly shape: Shape }>>;

/** What the best possible model would reach on a batch, and what one that ignores its input would. */
export interface LossReference {
  readonly floor: number;
  readonly guessing: number;
  /** For classes: the share of right answers of the best possible model, and of a guess. */
  readonly best_accuracy?: number;
  readonly guessing_accuracy?: number;
}

/** A file that a dataset was made of. */
export interface DataFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Samples to train on and samples held out, which share nothing. */
export interface Dataset {
  readonly files: readonly DataFile[];
  readonly train_samples: number;
  readonly val_samples: number;
  /**
   * The batch at a place of training, counted from 0: the same place gives the same batch, in the order of the seed,
   * each sample once per epoch.
   */
  trainBatch(seed: number, place: number, size: number): Batch;
  /** The held-out samples in order, in whole batches; nothing random but what follows from `seed`. */
  valBatches(size: number, seed: number): Iterable<Batch>;
  /** For generated data: what is possible on a batch. */
  readonly reference?: (batch: Batch) => LossReference;
  /** For texts: the held-out ids in one piece, and those that are trained on. */
  readonly tokens?: { readonly train: Int32Array; readonly val: Int32Array; readonly block_size: number };
}

/** How many samples are held out: a share, rounded down, at least one where the share is not 0, and never all. */
export function heldOut(count: number, share: number): number {
  if (share <= 0 || count <= 1) return 0;
  return Math.min(count - 1, Math.max(1, Math.trunc(count * share)));
}
