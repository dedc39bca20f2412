import type { RingConfig } from "../backend.js";
import type { MemoryParts } from "../memory-parts.js";
import { type ParameterSlot, parameterLayout } from "../parameters.js";
import { type CudaPlan, PLAN_FIELDS } from "./cuda-plan.js";

/** What of a device decides how the work is cut. */
export interface CudaShape {
  readonly multiprocessors: number;
}

/** Where everything lies in the one block of device memory of a configuration. */
export interface CudaArena {
  readonly plan: CudaPlan;
  readonly real_bytes: 4 | 8;
  readonly pointer_bytes: 4 | 8;
  readonly bytes: number;
  readonly parts: MemoryParts;
  readonly parameters: readonly ParameterSlot[];
  readonly sensory_blocks: number;
  readonly pack_elements: Readonly<
    Record<
      "forward" | "backward" | "heads" | "sensory_forward" | "sensory_backward" | "bridge_forward" | "bridge_backward",
      number
    >
  >;
  /** One contiguous piece each: what a step takes in, what it gives back, and the tables of cuda-layout.ts. */
  readonly inputs: ArenaPiece;
  readonly outputs: ArenaPiece;
  readonly tables: ArenaPiece;
}

export interface ArenaPiece {
  readonly at: number;
  readonly bytes: number;
}

/** Elements of one parameter that one block of Adam updates. */
export const ADAM_RANGE = 4096;
export const POINTER_HEADS = 4;
export const GATES = 4;

const ALIGNMENT = 256;
const POINTER_INPUTS = 6;
const FLAG_ARRAYS = 4;
const SCALER_FIELDS = 4;
/** Room for one row of a table, and for the tables that every configuration has. */
const ROW_BYTES = 256;
const TABLE_BYTES = 16_384;
const NOTHING: MemoryParts = {
  parameters: 0,
  gradients: 0,
  optimizer: 0,
  ring: 0,
  ring_gradient: 0,
  saved_rows: 0,
  workspace: 0,
};

const upTo = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Samples as blocks exchange them: as many as lanes and vectors take at once, the last ones zero. */
function paddedColumns(batch: number): number {
  return batch <= 4 ? 4 : batch <= 8 ? 8 : upTo(batch, 16);
}

/** The number of ranges that Adam's blocks update. */
export function adamRanges(parameters: readonly ParameterSlot[]): number {
  return parameters.reduce((sum, { length }) => sum + Math.ceil(length / ADAM_RANGE), 0);
}

/**
 * Lays out the arena from the sizes alone; offsets are bytes. Sizes of any magnitude are taken: then `bytes` is beyond
 * all memory, or no number.
 */
export function cudaArena(config: RingConfig, { multiprocessors }: CudaShape): CudaArena {
  const { ring_len: R, slot_dim: D, synth_len: T, batch_size: B, num_classes: C, sensory_dim: S } = config;
  const real = config.precision === "fp64" ? 8 : 4;
  const pointer = config.ptr_dtype === "fp64" ? 8 : 4;
  const W = 2 * config.window_radius + 1;
  const N = T * B;
  const columns = paddedColumns(B);
  const sensory = config.sensory_ring;
  const delayed = sensory && T > config.sensory_len;

  const units = Math.ceil(D / multiprocessors);
  const blocks = Math.ceil(D / units);
  // Without a delay, the sensory steps run within the main recurrence, on its blocks.
  const fused = sensory && !delayed;
  const sensory_units = Math.ceil(S / (fused ? blocks : multiprocessors));
  const sensory_blocks = fused ? blocks : sensory ? Math.ceil(S / sensory_units) : 0;
  const gate_rows = upTo(3 * units, 4);
  const unit_rows = upTo(units, 4);
  const sensory_gate_rows = upTo(3 * sensory_units, 4);
  const sensory_unit_rows = upTo(sensory_units, 4);

  const parameters = parameterLayout(config);
  const slotOf = (name: string): number => parameters.find((slot) => slot.name === name)?.offset ?? 0;
  const parameter_count = parameters.reduce((sum, { length }) => sum + length, 0);
  const first_readout_slot = parameters.length - 2 * config.expert_heads;

  let end = 0;
  const held = { ...NOTHING };
  const place = (part: keyof MemoryParts, bytes: number, alignment = ALIGNMENT): number => {
    if (bytes === 0) return 0;
    const at = upTo(end, alignment);
    held[part] += at - end + bytes;
    end = at + bytes;
    return at;
  };
  const reals = (part: keyof MemoryParts, count: number): number => place(part, real * count);
  const ofSensory = (part: keyof MemoryParts, count: number): number => (sensory ? reals(part, count) : 0);

  // The kernels look for the plan where the arena begins.
  place("workspace", 8 * PLAN_FIELDS.length);
  const at_parameters = reals("parameters", parameter_count);
  const at_gradients = reals("gradients", parameter_count);
  const at_first_moment = reals("optimizer", parameter_count);
  const at_second_moment = reals("optimizer", parameter_count);
  const at_present = place("optimizer", 4 * parameters.length);
  const at_updates = place("optimizer", 4 * parameters.length);
  const at_ranges = place("workspace", 24 * adamRanges(parameters));

  const pack_elements = {
    forward: blocks * D * gate_rows,
    backward: blocks * 3 * D * unit_rows,
    heads: POINTER_HEADS * D,
    sensory_forward: sensory_blocks * S * sensory_gate_rows,
    sensory_backward: sensory_blocks * 3 * S * sensory_unit_rows,
    bridge_forward: fused ? blocks * S * unit_rows : 0,
    bridge_backward: fused ? blocks * D * sensory_unit_rows : 0,
  };
  const at_ih_forward = reals("workspace", pack_elements.forward);
  const at_hh_forward = reals("workspace", pack_elements.forward);
  const at_heads = reals("workspace", pack_elements.heads);
  const at_ih_backward = reals("workspace", pack_elements.backward);
  const at_hh_backward = reals("workspace", pack_elements.backward);
  const at_sensory_forward = ofSensory("workspace", pack_elements.sensory_forward);
  const at_sensory_backward = ofSensory("workspace", pack_elements.sensory_backward);
  const at_bridge_forward = reals("workspace", pack_elements.bridge_forward);
  const at_bridge_backward = reals("workspace", pack_elements.bridge_backward);

  const inputs_at = place("workspace", 8 * B);
  const at_x = place("workspace", real * N, 8);
  const at_targets = place("workspace", 4 * B, 8);
  const inputs = { at: inputs_at, bytes: end - inputs_at };
  const at_forced = place("workspace", 8 * N);
  const at_projection = config.state_loop_samples > 0 ? reals("workspace", D * config.state_loop_dim) : 0;

  const at_input = reals("saved_rows", N * D);
  const at_mixed = reals("saved_rows", N * D);
  const at_gates = reals("saved_rows", N * GATES * D);
  const at_hidden = reals("saved_rows", (N + B) * D);
  const at_gathered = reals("saved_rows", N * W * D);
  const at_dinput = reals("saved_rows", N * D);
  const at_sensory_input = ofSensory("saved_rows", N * S);
  const at_sensory_mixed = delayed ? reals("saved_rows", N * S) : at_sensory_input;
  const at_sensory_in = ofSensory("saved_rows", N * 3 * S);
  const at_sensory_gates = ofSensory("saved_rows", N * GATES * S);
  const at_sensory_hidden = ofSensory("saved_rows", (N + B) * S);
  const at_sensory_dhidden = fused ? 0 : ofSensory("saved_rows", N * S);
  const at_sensory_dmixed = ofSensory("saved_rows", N * S);
  const sensory_carry = fused ? 0 : sensory_blocks * sensory_units * B;
  const at_sensory_carry = reals("workspace", sensory_carry);
  const at_ring = reals("ring", B * R * D);
  const at_ring_gradient = reals("ring_gradient", B * R * D);

  const at_pointers = place("saved_rows", pointer * N);
  const at_next_pointers = place("saved_rows", pointer * N);
  const at_weights = place("saved_rows", pointer * N * W);
  const at_offsets = place("saved_rows", pointer * N * W);
  const at_centers = place("saved_rows", 4 * N * W);
  const at_pointer_inputs = place("saved_rows", pointer * N * POINTER_INPUTS);
  const at_head_gradients = reals("saved_rows", N * POINTER_HEADS);
  const at_target_slots = place("saved_rows", 4 * N);
  const at_target_parts = reals("saved_rows", N * 3);
  const at_target_gradients = reals("saved_rows", N * 4);
  const at_context = place("workspace", 8 * blocks);

  const at_exchange_hidden = reals("workspace", D * columns);
  const at_exchange_mixed = reals("workspace", D * columns);
  const at_exchange_gates = reals("workspace", GATES * D * columns);
  const at_exchange_pointer = place("workspace", pointer * blocks * B);
  const at_exchange_sensory = ofSensory("workspace", 2 * S * columns);
  const at_exchange_sensory_gates = ofSensory("workspace", 2 * GATES * S * columns);
  const at_exchange_dinput = fused ? reals("workspace", 2 * D * columns) : 0;
  const flag_stride = Math.max(blocks, sensory_blocks);
  const at_flags = place("workspace", 4 * FLAG_ARRAYS * flag_stride);
  const at_feature = reals("workspace", B * D);
  const at_dlogits = reals("workspace", B * C);
  const at_dfeature = reals("workspace", B * D);

  const at_losses = place("workspace", 8 * B);
  const at_moved = place("workspace", 8 * B, 8);
  const at_raw_moved = place("workspace", 8 * B, 8);
  const at_scaler = place("workspace", 8 * SCALER_FIELDS, 8);
  const at_moves = place("workspace", 4 * N, 8);
  const at_modes = place("workspace", 4 * N, 8);
  const at_logits = place("workspace", real * B * C, 8);
  const outputs = { at: at_losses, bytes: end - at_losses };
  const segments = sensory ? Math.ceil(T / config.sensory_len) : 0;
  const table_bytes = TABLE_BYTES + 2 * ROW_BYTES * segments;
  const tables = { at: place("workspace", table_bytes), bytes: table_bytes };

  const plan: CudaPlan = {
    ring_len: R,
    slot_dim: D,
    synth_len: T,
    batch: B,
    columns,
    experts: config.expert_heads,
    classes: C,
    move_every: config.ptr_update_every,
    watched: config.state_loop_samples,
    directions: config.state_loop_dim,
    sensory: sensory ? 1 : 0,
    sensory_len: config.sensory_len,
    sensory_dim: S,
    radius: config.window_radius,
    fused: fused ? 1 : 0,
    format: config.precision === "fp16" ? 1 : config.precision === "bf16" ? 2 : 0,
    units,
    blocks,
    gate_rows,
    unit_rows,
    sensory_units,
    sensory_gate_rows,
    sensory_unit_rows,
    sensory_carry,
    flag_stride,
    parameter_count,
    slot_count: parameters.length,
    range_count: adamRanges(parameters),
    pack_elements:
      Object.values(pack_elements).reduce((sum, count) => sum + count, 0) +
      pack_elements.forward +
      pack_elements.backward,
    slot_theta: slotOf("theta_ptr_reduced"),
    slot_gate: slotOf("theta_gate_reduced"),
    slot_context: slotOf("context_logit"),
    slot_sensory_ih: slotOf("sensory_gru.weight_ih"),
    slot_bridge: slotOf("sensory_bridge.weight"),
    slot_gru_ih: slotOf("gru.weight_ih"),
    slot_pointer: slotOf("jump_score.weight"),
    slot_readout: parameters[first_readout_slot]?.offset ?? 0,
    first_readout_slot,
    window_tau: config.window_tau,
    deadzone_tau: config.deadzone_tau,
    update_scale: config.update_scale,
    learning_rate: config.learning_rate,
    beta1: config.adam_beta1,
    beta2: config.adam_beta2,
    epsilon: config.adam_epsilon,
    at_parameters,
    at_gradients,
    at_first_moment,
    at_second_moment,
    at_present,
    at_updates,
    at_ranges,
    at_packs: tables.at,
    at_ih_forward,
    at_hh_forward,
    at_heads,
    at_ih_backward,
    at_hh_backward,
    at_sensory_forward,
    at_sensory_backward,
    at_bridge_forward,
    at_bridge_backward,
    at_x,
    at_unit: inputs_at,
    at_forced,
    at_targets,
    at_projection,
    at_input,
    at_mixed,
    at_gates,
    at_hidden,
    at_gathered,
    at_dinput,
    at_sensory_input,
    at_sensory_mixed,
    at_sensory_in,
    at_sensory_gates,
    at_sensory_hidden,
    at_sensory_dhidden,
    at_sensory_dmixed,
    at_sensory_carry,
    at_ring,
    at_ring_gradient,
    at_pointers,
    at_next_pointers,
    at_weights,
    at_offsets,
    at_centers,
    at_pointer_inputs,
    at_head_gradients,
    at_target_slots,
    at_target_parts,
    at_target_gradients,
    at_context,
    at_exchange_hidden,
    at_exchange_mixed,
    at_exchange_gates,
    at_exchange_pointer,
    at_exchange_sensory,
    at_exchange_sensory_gates,
    at_exchange_dinput,
    at_flags,
    at_feature,
    at_dlogits,
    at_dfeature,
    at_losses,
    at_moved,
    at_raw_moved,
    at_scaler,
    at_moves,
    at_modes,
    at_logits,
  };

  return {
    plan,
    real_bytes: real,
    pointer_bytes: pointer,
    bytes: end,
    parts: held,
    parameters,
    sensory_blocks,
    pack_elements,
    inputs,
    outputs,
    tables,
  };
}
