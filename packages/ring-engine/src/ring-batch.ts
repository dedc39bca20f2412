import type { RingBatch, RingConfig } from "./backend.js";
import { at } from "./internal/vector.js";
import { randomStream } from "./random.js";

/**
 * The batch of one training step: standard normal inputs [B, T], uniform labels [B] and where each sample's
 * pointer starts [B]. All values are exact in float32, the same for every engine and precision.
 * Throws `invalid_argument` for a seed or a step outside of its domain.
 */
export function ringBatch(
  config: Pick<RingConfig, "batch_size" | "synth_len" | "num_classes">,
  seed: number,
  step: number,
): RingBatch {
  const { batch_size: B, synth_len: T, num_classes: C } = config;
  const data = randomStream(seed, "data", step);
  const labels = randomStream(seed, "labels", step);
  const pointers = randomStream(seed, "pointers", step);
  const x = new Float64Array(B * T);
  for (let i = 0; i < x.length; i++) x[i] = Math.fround(data.normal(i));
  return {
    x,
    y: Int32Array.from({ length: B }, (_, b) => Math.floor(labels.uniform(b) * C)),
    pointer_unit: Float64Array.from({ length: B }, (_, b) => pointers.uniform24(b)),
  };
}

/** The directions [D, state_loop_dim] that the state loop compares hidden states with: normal, columns of unit length. */
export function stateLoopProjection(
  { slot_dim: D, state_loop_dim: dim }: Pick<RingConfig, "slot_dim" | "state_loop_dim">,
  seed: number,
): Float64Array {
  const stream = randomStream(seed, "state_loop_projection", 0);
  const values = Float64Array.from({ length: D * dim }, (_, i) => stream.normal(i));
  const lengths = Float64Array.from({ length: dim }, (_, column) => {
    let square = 0;
    for (let d = 0; d < D; d++) square += at(values, d * dim + column) ** 2;
    return Math.sqrt(square);
  });
  return values.map((value, i) => Math.fround(value / at(lengths, i % dim)));
}
