import { systemShapes } from "./internal/system-shapes.js";
import type { LoweredExperimentTarget, LoweredRun } from "./lower-manifest.js";
import { elements } from "./shape.js";

/** What one run will need, from the manifest alone. */
export interface RunEstimate {
  /** Samples in a batch after auto_batch_size. */
  readonly batch_size: number;
  /** Tokens that a step learns from; null where samples are no texts. */
  readonly tokens_per_step: number | null;
  /** null: made by code of the user's. */
  readonly params: number | null;
  readonly trainable_params: number | null;
  /**
   * Three forward passes (the backward pass costs two), one more for activation checkpointing and for a teacher, for
   * each batch of the step; a multiply-add is two operations, elementwise functions are not counted.
   */
  readonly flops_per_step: number | null;
  /**
   * Bytes that have to move at least: weights read forward and backward, kept values written and read, gradients
   * written and read, weights and the optimizer's state read and written.
   */
  readonly bytes_per_step: number | null;
  /** Weights, gradients, the optimizer's state, kept values, and the loss's copies of the logits. */
  readonly peak_memory_bytes: number | null;
  /** Why figures are null. */
  readonly why: string | null;
}

const bytesOf = { float32: 4, float16: 2, bfloat16: 2 } as const;

/** Values that an optimizer keeps per trained parameter, in float32. */
const optimizerStates = { adamw: 2, adam: 2, lion: 1, sgd: 0 } as const;

/** Estimates a run of a lowered target. */
export function estimateRun(target: LoweredExperimentTarget, run: LoweredRun): RunEstimate {
  const { train } = run;
  const batch_size = effectiveBatch(train);
  const { system, data, objective, trainer } = target;
  const isText = data.impl === null && (data.ref === "dataset.tokens" || data.ref === "dataset.random_tokens");
  const accumulation = train.gradient_accumulation_steps;
  const tokens_per_step = isText ? batch_size * train.block_size * accumulation : null;
  const shapes = systemShapes(system, data, { batch: batch_size, block: train.block_size });
  if (shapes === null) {
    const why = `the system is code of your own (${system.impl ?? system.ref})`;
    const nothing = { params: null, trainable_params: null, flops_per_step: null, bytes_per_step: null };
    return { batch_size, tokens_per_step, ...nothing, peak_memory_bytes: null, why };
  }
  const { params, flops, activations } = shapes;
  const trainable = trainer.impl === null && trainer.ref === "trainer.upcycle_eval" ? 0 : shapes.trainable;
  const known = { batch_size, tokens_per_step, params, trainable_params: trainable };
  if (flops === null || activations === null) {
    const why =
      shapes.graph === null
        ? "the shape of the input is not known: give input_shape, or prepare with generate"
        : "the shapes of the inputs are not known (input_shapes), or a node is code of your own";
    return { ...known, flops_per_step: null, bytes_per_step: null, peak_memory_bytes: null, why };
  }
  const hasTeacher = trainer.impl === null && trainer.ref === "trainer.upcycle";
  const passes = 3 + (train.activation_checkpointing ? 1 : 0) + (hasTeacher ? 1 : 0);
  const width = train.dtype === "auto" ? (train.device === "cpu" ? 4 : 2) : bytesOf[train.dtype];
  const keptWidth = train.use_amp ? 2 : width;
  const states = 4 * optimizerStates[train.optimizer] * trainable;
  const kept = keptWidth * (train.activation_checkpointing ? checkpointed(shapes, activations) : activations);
  const isCrossEntropy = objective.impl === null && objective.ref !== "objective.mse";
  const logits = isCrossEntropy ? 8 * (elements(shapes.output) ?? 0) : 0;
  return {
    ...known,
    flops_per_step: passes * accumulation * flops,
    bytes_per_step:
      accumulation * (2 * width * params + 2 * keptWidth * activations + 2 * width * trainable) +
      2 * width * trainable +
      2 * states,
    peak_memory_bytes:
      width * params * (hasTeacher ? 2 : 1) +
      width * trainable +
      (train.offload_optimizer ? 0 : states) +
      kept +
      logits,
    why: null,
  };
}

/** Samples in a batch: fewer for longer blocks, where auto_batch_size says so. */
export function effectiveBatch(
  train: Pick<
    LoweredRun["train"],
    "auto_batch_size" | "auto_batch_min" | "auto_batch_ref_block_size" | "batch_size" | "block_size"
  >,
): number {
  if (!train.auto_batch_size) return train.batch_size;
  return Math.max(
    train.auto_batch_min,
    Math.trunc((train.batch_size * train.auto_batch_ref_block_size) / train.block_size),
  );
}

/** Values that are kept when only what goes into each part of the model is, and the largest part is computed again. */
function checkpointed(shapes: NonNullable<ReturnType<typeof systemShapes>>, all: number): number {
  const body = shapes.model?.nodes.find(({ type }) => type.endsWith("Topology"));
  if (body === undefined) return all;
  let inputs = 0;
  let largest = 0;
  for (const child of body.children) {
    inputs += elements(child.in) ?? 0;
    largest = Math.max(largest, child.activations ?? 0);
  }
  return Math.min(all, inputs + largest);
}
