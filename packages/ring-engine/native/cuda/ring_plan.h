/*
 * What the host tells the kernels: sizes, and where everything lies in the one block of device memory (the arena).
 * Every field is 8 bytes; the host writes them in this order (src/internal/cuda-plan.ts, held to this file by a test).
 *
 * Sizes count elements; fields named at_* are byte offsets into the arena, fields named slot_* are offsets of
 * parameters in elements. N = synth_len * batch rows, time-major: n = t * batch + b. W is the width of the window.
 */
#ifndef VRX_RING_PLAN_H
#define VRX_RING_PLAN_H

#include <stdint.h>

struct ring_plan {
  int64_t ring_len, slot_dim, synth_len, batch, columns, experts, classes, move_every, watched, directions;
  int64_t sensory, sensory_len, sensory_dim, radius;
  /* Do the sensory steps run within the main recurrence? */
  int64_t fused;
  /* 0: products take their operands as they are; 1: rounded to fp16; 2: rounded to bfloat16. */
  int64_t format;
  /* A block of the recurrence owns `units` units: 3 * units rows of a forward product, `units` rows of a backward one, both padded. */
  int64_t units, blocks, gate_rows, unit_rows;
  int64_t sensory_units, sensory_gate_rows, sensory_unit_rows, sensory_carry;
  /* Flags of one array: as many as the recurrence with the most blocks needs. */
  int64_t flag_stride;
  int64_t parameter_count, slot_count, range_count, pack_elements;
  int64_t slot_theta, slot_gate, slot_context, slot_sensory_ih, slot_bridge, slot_gru_ih, slot_pointer;
  int64_t slot_readout, first_readout_slot;
  double window_tau, deadzone_tau, update_scale, learning_rate, beta1, beta2, epsilon;

  int64_t at_parameters, at_gradients, at_first_moment, at_second_moment, at_present, at_updates, at_ranges;
  int64_t at_packs;
  int64_t at_ih_forward, at_hh_forward, at_heads, at_ih_backward, at_hh_backward, at_sensory_forward, at_sensory_backward;
  int64_t at_bridge_forward, at_bridge_backward;
  int64_t at_x, at_unit, at_forced, at_targets, at_projection;
  int64_t at_input, at_mixed, at_gates, at_hidden, at_gathered, at_dinput;
  int64_t at_sensory_input, at_sensory_mixed, at_sensory_in, at_sensory_gates, at_sensory_hidden, at_sensory_dhidden;
  int64_t at_sensory_dmixed, at_sensory_carry;
  int64_t at_ring, at_ring_gradient;
  int64_t at_pointers, at_next_pointers, at_weights, at_offsets, at_centers, at_pointer_inputs;
  int64_t at_head_gradients, at_target_slots, at_target_parts, at_target_gradients, at_context;
  int64_t at_exchange_hidden, at_exchange_mixed, at_exchange_gates, at_exchange_pointer, at_exchange_sensory;
  int64_t at_exchange_sensory_gates, at_exchange_dinput, at_flags;
  int64_t at_feature, at_dlogits, at_dfeature;
  /* What the host reads after a step. */
  int64_t at_losses, at_moved, at_raw_moved, at_scaler, at_moves, at_modes, at_logits;
};

/* C[m, n] = act(A[m, k] * B[k, n] + bias[n]); A and B by their two strides in elements, of which one is 1. */
struct ring_product {
  int64_t at_a, a_row, a_depth, at_b, b_depth, b_column, at_bias, at_c, c_row, rows, columns, depth, squash;
  /* Its first tile among those of the table. */
  int64_t first_tile;
};

/* result[j] = sum over n of factor[n] * a[n][j]; without a factor, of a[n][j]. */
struct ring_sum {
  int64_t at_a, a_row, at_factor, factor_row, at_result, rows, columns, first_tile;
};

/* One matrix in the order in which a recurrence reads it; see ring_pack. */
struct ring_pack_of {
  int64_t at_packed, source, kind, units, depth, block_units, rows, first;
};
enum {
  RING_PACK_FORWARD,
  RING_PACK_BACKWARD_INPUT,
  RING_PACK_BACKWARD_STATE,
  RING_PACK_HEADS,
  RING_PACK_BRIDGE_FORWARD,
  RING_PACK_BRIDGE_BACKWARD
};

/* A part of one parameter that one block of Adam updates. */
struct ring_range {
  int64_t slot, begin, end;
};

/* Gates of a unit, as they are kept and as their gradients replace them: each a row of `units` values. */
enum { GATE_STATE, GATE_RESET, GATE_UPDATE, GATE_CANDIDATE, GATES };
enum { POINTER_HEADS = 4, POINTER_INPUTS = 6 };
enum { HEAD_JUMP, HEAD_INERTIA, HEAD_DEADZONE, HEAD_WALK };
/* Arrays of flags by which the blocks of a recurrence wait for each other. */
enum { FLAGS_SENSORY, FLAGS_RING, FLAGS_RING_BACKWARD, FLAGS_SENSORY_BACKWARD, FLAG_ARRAYS };
/* The doubles at at_scaler. */
enum { SCALER_SCALE, SCALER_GOOD_STEPS, SCALER_SKIPPED, SCALER_OVERFLOW, SCALER_FIELDS };

#endif
