import type { RingConfig } from "./backend.js";
import { cudaArena } from "./internal/cuda-arena.js";
import type { RingShape } from "./ring-config.js";

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
export function parameterCount(config: RingShape): number {
  const { ring_len: R, slot_dim: D, sensory_dim: S, expert_heads: E, num_classes: C } = config;
  const sensory = config.sensory_ring ? 2 * S + 6 * S * S + 6 * S + D * S + D : 0;
  return 2 * R + 1 + sensory + 2 * D + 6 * D * D + 6 * D + 4 * (D + 1) + E * (C * D + C);
}

/** The number of named parameters. */
export function parameterSlotCount({ sensory_ring, expert_heads }: RingShape): number {
  return 17 + (sensory_ring ? 8 : 0) + 2 * expert_heads;
}

/** The arrays of the reference engine: one sample at a time goes through it, in float64. */
export function referenceMemory(config: RingShape): MemoryParts {
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
    optimizer: 16 * N + 4 * parameterSlotCount(config),
    ring,
    ring_gradient: ring,
    saved_rows: 8 * T * (ringStep + sensoryStep + 4 * W),
    workspace: 8 * (T * D + B * C + 12 * D),
  };
}

/** Bytes to which the cpu engine pads rows, so that its loops need no tail. */
const LANE_BYTES = 64;
/** Rows whose gate gradients it packs at a time, and the space of one packed row of columns. */
const ROW_BLOCK = 512;
const PACKED_ROW_BYTES = 4 * 64;
const TILE_ROWS = 6;
/** Room for the largest register tile of any instruction set. */
const TILE_ELEMENTS = 6 * 4 * 64;

/** The one block of memory of the cpu engine, as its `place` lays it out; N rows are time steps times samples. */
export function cpuMemory(
  config: RingShape & { readonly precision: "fp64" | "fp32"; readonly ptr_dtype: "fp64" | "fp32" },
  threads: number,
): MemoryParts {
  const { ring_len: R, synth_len: T, batch_size: B, num_classes: C, sensory_ring } = config;
  const real = config.precision === "fp64" ? 8 : 4;
  const pointer = config.ptr_dtype === "fp64" ? 8 : 4;
  const lane = LANE_BYTES / real;
  const padded = (count: number): number => Math.ceil(count / lane) * lane;
  const D = padded(config.slot_dim);
  const S = sensory_ring ? padded(config.sensory_dim) : 0;
  const W = 2 * config.window_radius + 1;
  const N = T * B;
  const parameters = real * (parameterCount(config) + (lane / 2) * parameterSlotCount(config));
  const touched = Math.min(T * W, R);
  const sensoryRows = sensory_ring ? (T > config.sensory_len ? 2 : 1) * S + 3 * S + (4 * S + lane) + 2 * S : 0;
  const widest = Math.max(D, S);
  const packedWeights = 12 * D * D + 6 * D + 12 * S * S + 6 * S + 2 * D * S;
  const scratch = threads * (3 * widest * B + Math.max(3 * lane * B, TILE_ELEMENTS) + 2 * Math.ceil(W / 8) * 8);
  const perRow = real * (1 + 11) + pointer * (1 + 2 * W + 6) + 4 * (2 * W + 3) + 8;
  return {
    parameters,
    gradients: parameters,
    optimizer: 2 * parameters,
    ring: real * B * touched * D + 4 * B * (R + touched),
    ring_gradient: real * B * touched * D,
    saved_rows: real * N * (2 * D + 4 * D + lane + D + W * D + sensoryRows) + N * perRow,
    workspace:
      real *
        (packedWeights + B * (4 * D + 2 * C + 2 * S) + scratch + Math.min(N, ROW_BLOCK) * 4 * (widest + TILE_ROWS)) +
      threads * ROW_BLOCK * PACKED_ROW_BYTES,
  };
}

/** The arena of the cuda engine, and a ring for every time step where those are kept. */
export function cudaMemory(config: RingConfig, multiprocessors: number): MemoryParts {
  const { parts } = cudaArena(config, { multiprocessors });
  const kept = config.ring_history === "materialized" ? config.synth_len : 0;
  return { ...parts, ring: parts.ring + kept * materializedRing(config) };
}

/** Bytes of one of the rings that are kept for every time step; they are of fp32 whatever the products are of. */
export function materializedRing({ precision, batch_size, ring_len, slot_dim }: RingConfig): number {
  return (precision === "fp64" ? 8 : 4) * batch_size * ring_len * slot_dim;
}
