import type { ParameterSlot } from "./parameters.js";

/** The engines there are; `supports` of each says what it can execute. */
export type EngineKind = "reference" | "cpu" | "cuda";

/**
 * Floating-point formats an engine computes in. In fp16 and bf16 the operands of matrix products are of that format, and
 * sums, weights, optimizer, ring and everything else are of fp32.
 */
export type ComputePrecision = "fp64" | "fp32" | "fp16" | "bf16";

/** Formats the pointer, the window and the gathered product are computed in. */
export type PointerPrecision = "fp64" | "fp32";

/**
 * What a step leaves of the ring. `inplace`: one ring, and of every time step what the backward pass reads. `materialized`:
 * in addition a ring for every time step, as automatic differentiation of out-of-place writes keeps them, so that a run
 * takes the memory that such a program would.
 */
export type RingHistory = "inplace" | "materialized";

/**
 * Everything a backend needs to execute the ring model, resolved: no defaults are left open and
 * nothing is read from anywhere else. Lengths count elements.
 */
export interface RingConfig {
  readonly ring_len: number;
  readonly slot_dim: number;
  readonly synth_len: number;
  readonly batch_size: number;
  readonly expert_heads: number;
  readonly num_classes: number;
  readonly ptr_update_every: number;
  readonly state_loop_samples: number;
  readonly state_loop_dim: number;
  readonly sensory_ring: boolean;
  readonly sensory_len: number;
  readonly sensory_dim: number;
  readonly precision: ComputePrecision;
  readonly ptr_dtype: PointerPrecision;
  readonly ring_history: RingHistory;
  /** Slots read and written on each side of the pointer; the window has 2 * window_radius + 1 of them. */
  readonly window_radius: number;
  /** Divisor of the squared distance in the window's exponent. */
  readonly window_tau: number;
  readonly deadzone_tau: number;
  readonly update_scale: number;
  readonly learning_rate: number;
  readonly adam_beta1: number;
  readonly adam_beta2: number;
  readonly adam_epsilon: number;
}

/** One batch. `x` is [B, T] row-major, `y` [B] class indices, `pointer_unit` [B] draws in [0, 1): p = unit * (R - 1). */
export interface RingBatch {
  readonly x: Float64Array;
  readonly y: Int32Array;
  readonly pointer_unit: Float64Array;
}

export interface StepRequest {
  readonly batch: RingBatch;
  /** `train`: forward, backward, Adam. `gradients`: forward and backward only. `forward`: forward only. */
  readonly mode: "train" | "gradients" | "forward";
  /** Record what `StepTrace` has. */
  readonly trace?: boolean;
  /** [T, B] row-major: the pointer at the start of each time step is replaced by these (teacher forcing, for checks against a trace). */
  readonly forced_pointers?: Float64Array;
  /** [D, state_loop_dim] row-major, columns of unit length; needed when state_loop_samples > 0. */
  readonly state_loop_projection?: Float64Array;
}

/**
 * Per time step: pointers [T, B] at the start of the step and where the step moved them (under teacher
 * forcing the two differ from one step to the next), window centres and weights [T, B, 2K+1], hidden state h [T, B, D].
 */
export interface StepTrace {
  readonly pointers: Float64Array;
  readonly next_pointers: Float64Array;
  readonly centers: Int32Array;
  readonly weights: Float64Array;
  readonly hidden: Float64Array;
}

/** Telemetry of one forward pass; no part of it influences the result. */
export interface PointerTelemetry {
  readonly move_penalty: number;
  readonly flip_rate: number;
  readonly pingpong_rate: number;
  readonly max_dwell: number;
  readonly mean_dwell: number;
  readonly delta_raw_mean: number;
}

export interface StateLoopTelemetry {
  readonly flips: number;
  readonly abab: number;
  readonly max_dwell: number;
  readonly mean_dwell: number;
  readonly entropy_bits: number;
}

/** How the loss was scaled in a step, and whether gradients overflowed so that Adam left the parameters as they were. */
export interface LossScaling {
  readonly update: "applied" | "skipped";
  /** The factor in this step. */
  readonly scale: number;
  /** Updates skipped so far, this one included. */
  readonly skipped_updates: number;
}

export interface StepOutcome {
  readonly loss: number;
  /** [B, C] row-major. */
  readonly logits: Float64Array;
  /** [B]: the slot the last read-out used. */
  readonly last_pointer_slot: Int32Array;
  readonly telemetry: PointerTelemetry;
  readonly state_loop: StateLoopTelemetry | null;
  readonly trace: StepTrace | null;
  /** Absent where the loss is not scaled: only training in fp16 does. */
  readonly loss_scaling?: LossScaling;
  /** Seconds the step took by the device's own clock, first kernel to last; absent where there is no such clock. */
  readonly device_time_s?: number;
}

/** Adam's moments over the flat parameter vector, and how often each parameter was updated. */
export interface OptimizerState {
  readonly first_moment: Float64Array;
  readonly second_moment: Float64Array;
  /** One count per parameter slot: a parameter that got no gradient is skipped, and its count stays. */
  readonly updates: Int32Array;
  /** Where the loss is scaled: the factor, steps since it last changed, and updates skipped so far. */
  readonly loss_scale?: LossScaleState;
}

export interface LossScaleState {
  readonly scale: number;
  readonly good_steps: number;
  readonly skipped_updates: number;
}

/** Of the last step that computed them; `present[i]` is false where parameter i got no gradient. */
export interface Gradients {
  readonly values: Float64Array;
  readonly present: readonly boolean[];
}

/** Device memory of a backend, in bytes: what it uses, and what it has taken from the driver; now and at most. */
export interface DeviceMemory {
  readonly allocated_bytes: number;
  readonly peak_allocated_bytes: number;
  readonly reserved_bytes: number;
  readonly peak_reserved_bytes: number;
}

/** What is there at once where the memory is the host's, and a promise where it is a device's. */
export type Awaitable<T> = T | Promise<T>;

/**
 * What an engine implements: one model with its optimizer state. Vectors cross this border in float64
 * (a float32 value survives that unchanged); a backend keeps them in its own precision.
 */
export interface RingBackend {
  readonly kind: EngineKind;
  readonly config: RingConfig;
  readonly parameters: readonly ParameterSlot[];
  readParameters(): Awaitable<Float64Array>;
  writeParameters(values: Float64Array): Awaitable<void>;
  /** Of the last step run in `train` or `gradients` mode; `present[i]` is false where slot i got no gradient. */
  readGradients(): Awaitable<Gradients>;
  readOptimizer(): Awaitable<OptimizerState>;
  writeOptimizer(state: OptimizerState): Awaitable<void>;
  /** One step at a time: a call while another is running rejects with code `busy`. */
  run(request: StepRequest): Promise<StepOutcome>;
  /** Bytes of working memory and parameters this backend holds. */
  memoryBytes(): number;
  /** Absent where the engine uses the host's memory. */
  deviceMemory?(): DeviceMemory;
  dispose(): void;
}

/** A backend whose model lies in the host's memory. */
export interface HostBackend extends RingBackend {
  readParameters(): Float64Array;
  writeParameters(values: Float64Array): void;
  readGradients(): Gradients;
  readOptimizer(): OptimizerState;
  writeOptimizer(state: OptimizerState): void;
}
