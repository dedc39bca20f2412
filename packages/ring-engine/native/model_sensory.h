/*
 * The sensory stage: u_t = tanh(Wp x_t + bp), a GRU over u_t plus its own state of sensory_len steps before, and the
 * bridge i_t = tanh(Wb s_t + bb). It does not depend on the ring, so it runs before it (and after it, backwards) with
 * everything but the recurrent products in bulk, block by block of sensory_len steps.
 */
#ifndef VRX_MODEL_SENSORY_H
#define VRX_MODEL_SENSORY_H

#include "model_pack.h"

static void sensory_inputs(const worker *w, share rows) {
  const vrx_ring *ring = w->ring;
  int64_t S = ring->config.sensory_dim, stride = ring->sdim;
  const real *restrict weight = parameter(ring, SLOT_SENSORY_PROJ_W), *restrict bias = parameter(ring, SLOT_SENSORY_PROJ_B);
  const real *x = ring->x;
  for (int64_t n = rows.begin; n < rows.end; n++) {
    real *restrict u = (real *)ring->sensory_input + n * stride;
    real value = x[n];
    for (int64_t j = 0; j < S; j++) u[j] = R_(tanh)(weight[j] * value + bias[j]);
  }
}

static void sensory_forward(worker *w) {
  vrx_ring *ring = w->ring;
  int64_t B = ring->config.batch_size, S = ring->config.sensory_dim, stride = ring->sdim, N = ring->rows;
  int64_t block = least(ring->config.sensory_len, ring->config.synth_len) * B;
  int64_t gates_stride = ring->sensory_gates_stride;
  real *hidden = ring->sensory_hidden, *gates = ring->sensory_gates, *gates_in = ring->sensory_gates_in;
  real *mixed = ring->sensory_mixed;
  share units = own_units(w, stride), crew = w->crew_samples;
  int64_t samples = crew.end - crew.begin;
  share all = share_of(N, w->id, w->count);
  sensory_inputs(w, all);
  if (mixed != ring->sensory_input) meet(w);
  for (int64_t begin = 0; begin < N; begin += block) {
    int64_t end = least(begin + block, N);
    share rows = share_of(end - begin, w->id, w->count);
    rows.begin += begin;
    rows.end += begin;
    if (mixed != ring->sensory_input) {
      const real *u = ring->sensory_input;
      for (int64_t i = rows.begin * stride; i < rows.end * stride; i++)
        mixed[i] = u[i] + (begin == 0 ? 0 : hidden[i - (block - B) * stride]);
    }
    for (int64_t v = 0; v < stride / LANES; v++) {
      VRX_KERNEL(multiply)
      (rows.end - rows.begin, 3, S, mixed + rows.begin * stride, stride, 1,
       (real *)ring->sensory_ih_forward + v * 3 * LANES * S, (real *)ring->sensory_ih_bias + v * 3 * LANES, 0,
       gates_in + rows.begin * 3 * stride + v * 3 * LANES, 3 * stride);
    }
    meet(w);
    for (int64_t row = begin + crew.begin; row < end; row += B) {
      const real *before = hidden + row * stride;
      real *after = hidden + (row + B) * stride;
      for (int64_t v = units.begin; v < units.end; v++) {
        VRX_KERNEL(multiply)
        (samples, 3, S, before, stride, 1, (real *)ring->sensory_hh_forward + v * 3 * LANES * S,
         (real *)ring->sensory_hh_bias + v * 3 * LANES, 0, w->tile, 3 * LANES);
        for (int64_t b = 0; b < samples; b++)
          gru_units(gates_in + (row + b) * 3 * stride + v * 3 * LANES, w->tile + b * 3 * LANES,
                    before + b * stride + v * LANES, after + b * stride + v * LANES,
                    gates + (row + b) * gates_stride + v * LANES, stride);
      }
      meet_crew(w);
    }
    if (w->crew_size == 1) meet(w);
  }
}

/* i_t for all t: from the sensory stage, or straight from x where that is off. */
static void model_inputs(worker *w) {
  vrx_ring *ring = w->ring;
  int64_t D = ring->config.slot_dim, B = ring->config.batch_size, stride = ring->dim;
  share rows = share_of(ring->rows, w->id, w->count);
  real *input = ring->input;
  if (ring->config.sensory_ring) {
    sensory_forward(w);
    multiply_rows(rows, ring->config.sensory_dim, (real *)ring->sensory_hidden + B * ring->sdim, ring->sdim,
                  stride / LANES, ring->bridge_forward, parameter(ring, SLOT_BRIDGE_B), input, stride);
    for (int64_t i = rows.begin * stride; i < rows.end * stride; i++) input[i] = R_(tanh)(input[i]);
  } else {
    const real *restrict weight = parameter(ring, SLOT_INPUT_W), *restrict bias = parameter(ring, SLOT_INPUT_B);
    const real *x = ring->x;
    for (int64_t n = rows.begin; n < rows.end; n++) {
      real *restrict i = input + n * stride, value = x[n];
      for (int64_t j = 0; j < D; j++) i[j] = R_(tanh)(weight[j] * value + bias[j]);
    }
  }
  meet(w);
}

/* From the gradients of i_t (before tanh, in `input`) to those of the sensory GRU's gates and of Wp u's sums. */
static void sensory_backward(worker *w) {
  vrx_ring *ring = w->ring;
  int64_t B = ring->config.batch_size, D = ring->config.slot_dim, N = ring->rows, stride = ring->sdim;
  int64_t gates_stride = ring->sensory_gates_stride;
  int64_t block = least(ring->config.sensory_len, ring->config.synth_len) * B;
  real *dhidden = ring->sensory_dhidden, *carry = ring->sensory_carry, *gates = ring->sensory_gates;
  const real *hidden = ring->sensory_hidden;
  share units = own_units(w, stride), crew = w->crew_samples;
  int64_t samples = crew.end - crew.begin;
  share all = share_of(N, w->id, w->count);
  multiply_rows(all, D, ring->input, ring->dim, stride / LANES, ring->bridge_backward, NULL, dhidden, stride);
  meet(w);
  for (int64_t begin = (N - 1) / block * block; begin >= 0; begin -= block) {
    int64_t end = least(begin + block, N);
    for (int64_t row = end - B; row >= begin; row -= B) {
      for (int64_t b = crew.begin; b < crew.end && units.begin < units.end; b++) {
        int64_t first = units.begin * LANES, count = (units.end - units.begin) * LANES;
        real *dh = dhidden + (row + b) * stride + first, *from_next = carry + b * stride + first;
        if (row + B < N)
          for (int64_t j = 0; j < count; j++) dh[j] += from_next[j];
        gru_units_backward(dh, hidden + (row + b) * stride + first, gates + (row + b) * gates_stride + first, stride,
                           from_next, count);
      }
      meet_crew(w);
      real *crew_carry = carry + crew.begin * stride;
      for (int64_t v = units.begin, taken; row > 0 && v < units.end; v += taken) {
        taken = panel_vectors(v, units.end);
        VRX_KERNEL(multiply)
        (samples, taken, 3 * stride, gates + (row + crew.begin) * gates_stride + stride, gates_stride, 1,
         (real *)ring->sensory_hh_backward + v * LANES * 3 * stride, crew_carry + v * LANES, stride,
         crew_carry + v * LANES, stride);
      }
    }
    if (w->crew_size == 1) meet(w);
    /* Gradients of what the block took in: u_t, and the states of one block before. They replace u_t's values. */
    share rows = share_of(end - begin, w->id, w->count);
    rows.begin += begin;
    rows.end += begin;
    multiply_rows(rows, 3 * stride, gates, gates_stride, stride / LANES, ring->sensory_ih_backward, NULL,
                  ring->sensory_gates_in, stride);
    real *dmixed = ring->sensory_gates_in;
    if (begin > 0)
      for (int64_t i = rows.begin * stride; i < rows.end * stride; i++) dhidden[i - block * stride] += dmixed[i];
    meet(w);
  }
}

#endif
