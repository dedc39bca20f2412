import type { ParameterSlot } from "./parameters.js";

/** The engines there are; `supports` of each says what it can execute. */
export type EngineKind = "reference" | "cpu" | "cuda";

/** Floating-point formats an engine computes in. */
export type ComputePrecision = "fp64" | "fp32";

/** Formats the pointer, the window and the gathered product are computed in. */
export type PointerPrecision = "fp64" | "fp32";

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

export interface StepOutcome {
  readonly loss: number;
  /** [B, C] row-major. */
  readonly logits: Float64Array;
  /** [B]: the slot the last read-out used. */
  readonly last_pointer_slot: Int32Array;
  readonly telemetry: PointerTelemetry;
  readonly state_loop: StateLoopTelemetry | null;
  readonly trace: StepTrace | null;
}

/** Adam's moments over the flat parameter vector, and how often each parameter was updated. */
export interface OptimizerState {
  readonly first_moment: Float64Array;
  readonly second_moment: Float64Array;
  /** One count per parameter slot: a parameter that got no gradient is skipped, and its count stays. */
  readonly updates: Int32Array;
}

/**
 * What an engine implements: one model with its optimizer state. Vectors cross this border in float64
 * (a float32 value survives that unchanged); a backend keeps them in its own precision.
 */
export interface RingBackend {
  readonly kind: EngineKind;
  readonly config: RingConfig;
  readonly parameters: readonly ParameterSlot[];
  readParameters(): Float64Array;
  writeParameters(values: Float64Array): void;
  /** Of the last step run in `train` or `gradients` mode; `present[i]` is false where slot i got no gradient. */
  readGradients(): { readonly values: Float64Array; readonly present: readonly boolean[] };
  readOptimizer(): OptimizerState;
  writeOptimizer(state: OptimizerState): void;
  /** One step at a time: a call while another is running rejects with code `busy`. */
  run(request: StepRequest): Promise<StepOutcome>;
  /** Bytes of working memory and parameters this backend holds. */
  memoryBytes(): number;
  dispose(): void;
}
