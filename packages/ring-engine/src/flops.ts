import type { SpecInteger, WorkloadSpec } from "@vrx/workload-schema";
import { type RingOptions, requireRingOptions } from "./options.js";
import { parameterCount } from "./memory-parts.js";
import { ringShape } from "./ring-config.js";

/** Useful floating-point operations of one training step by part of the model; a multiply-add counts two. */
export interface FlopCount {
  /** Products and sums over vectors; gates, exponentials and other work per scalar are left out. */
  readonly forward: FlopParts;
  readonly backward: FlopParts;
  /** Adam: 13 operations for every parameter of which some batch has a gradient. */
  readonly optimizer: number;
  /** Forward, backward and optimizer. */
  readonly per_step: number;
  /** Per step, sample and time step that is executed (batch_size * synth_len of them). */
  readonly per_token: number;
}

export interface FlopParts {
  /** The sensory stage with its bridge, or the plain input. */
  readonly input: number;
  /** The gated recurrent unit of the ring. */
  readonly cell: number;
  /** Reading from and writing to the ring. */
  readonly ring: number;
  readonly pointer: number;
  readonly readout: number;
  readonly total: number;
}

const ADAM_OPERATIONS = 13;

function parts(samples: number, counts: Omit<FlopParts, "total">): FlopParts {
  const { input, cell, ring, pointer, readout } = counts;
  return {
    input: samples * input,
    cell: samples * cell,
    ring: samples * ring,
    pointer: samples * pointer,
    readout: samples * readout,
    total: samples * (input + cell + ring + pointer + readout),
  };
}

/**
 * Counts what the mathematics of a training step needs, not what an engine happens to do: read-out once per
 * sample, nothing for copies of the ring. Derived by hand from the model: a product with an [m, n] matrix is
 * 2mn forward, and 2mn each for the slopes of the matrix and of its input.
 * Throws `invalid_options`.
 */
export function countFlops(spec: WorkloadSpec<SpecInteger>, options: Partial<RingOptions> = {}): FlopCount {
  const shape = ringShape(spec, requireRingOptions(options));
  const { slot_dim: D, sensory_dim: S, synth_len: T, batch_size: B, num_classes: C } = shape;
  const W = 2 * shape.window_radius + 1;
  const moves = Math.ceil(T / shape.ptr_update_every);
  const delayed = Math.max(0, T - shape.sensory_len);

  const projection = 2 * S;
  const sensoryCell = 12 * S * S;
  const bridge = 2 * S * D;
  const cell = 12 * D * D;
  const pointer = 4 * 2 * D;
  const readout = 2 * C * D;
  const forward = parts(B, {
    input: shape.sensory_ring ? T * (projection + sensoryCell + bridge) + delayed * 2 * S : T * 2 * D,
    cell: T * cell,
    // The weighted read, its share in the cell's input, the weighted write.
    ring: T * (2 * W * D + 2 * D + 2 * W * D),
    pointer: moves * pointer,
    readout: readout + 2 * D,
  });
  const backward = parts(B, {
    // Nobody asks for the slope of the inputs themselves.
    input: shape.sensory_ring
      ? T * (projection + 2 * sensoryCell + 2 * bridge) + (T - 1) * 2 * S + delayed * 2 * S
      : T * 2 * D,
    cell: T * 2 * cell,
    // Of write and read each: the slopes of the weights, and those of the hidden state or the ring; the share's slope.
    ring: T * (8 * W * D + 2 * D),
    pointer: moves * 2 * pointer,
    readout: 2 * readout + 2 * D,
  });
  const idle = shape.sensory_ring ? 2 * D : 0;
  const optimizer = ADAM_OPERATIONS * (parameterCount(shape) - idle);
  const per_step = forward.total + backward.total + optimizer;
  return { forward, backward, optimizer, per_step, per_token: per_step / (B * T) };
}
