import type { RingConfig } from "./backend.js";
import { parameterLayout } from "./parameters.js";

/** Bytes an engine holds while it trains, by what they are for. */
export interface MemoryParts {
  readonly parameters: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly ring: number;
  readonly ring_gradient: number;
  /** What each time step leaves behind for the backward pass. */
  readonly saved_rows: number;
  readonly workspace: number;
}

export function totalBytes(parts: MemoryParts): number {
  return Object.values(parts).reduce<number>((sum, bytes) => sum + Number(bytes), 0);
}

/** The number of parameters, all expert heads included. */
export function parameterCount(config: RingConfig): number {
  const { ring_len: R, slot_dim: D, sensory_dim: S, expert_heads: E, num_classes: C } = config;
  const sensory = config.sensory_ring ? 2 * S + 6 * S * S + 6 * S + D * S + D : 0;
  return 2 * R + 1 + sensory + 2 * D + 6 * D * D + 6 * D + 4 * (D + 1) + E * (C * D + C);
}

/** The arrays of the reference engine: one sample at a time goes through it, in float64. */
export function referenceMemory(config: RingConfig): MemoryParts {
  const { ring_len: R, slot_dim: D, sensory_dim: S, synth_len: T, batch_size: B, num_classes: C } = config;
  const W = 2 * config.window_radius + 1;
  const N = parameterCount(config);
  const ring = 8 * R * D;
  // Rows, their weighted sum, and the cell's input, gates, candidate, its recurrent part and the hidden state.
  const ringStep = (W + 7) * D;
  const sensoryStep = config.sensory_ring ? 7 * S + D : D;
  return {
    parameters: 8 * N,
    gradients: 8 * N,
    optimizer: 16 * N + 4 * parameterLayout(config).length,
    ring,
    ring_gradient: ring,
    saved_rows: 8 * T * (ringStep + sensoryStep + 4 * W),
    workspace: 8 * (T * D + B * C + 12 * D),
  };
}
