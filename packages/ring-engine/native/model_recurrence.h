/*
 * The main GRU through time. Per time step, samples are owned by members (ring and pointer), units of the GRU too
 * (its products): members meet when the new state is complete, and the products with the old state run while the
 * ring reads of the others are still under way.
 */
#ifndef VRX_MODEL_RECURRENCE_H
#define VRX_MODEL_RECURRENCE_H

#include "model_pack.h"
#include "model_ring.h"

static void recur_forward(worker *w) {
  vrx_ring *ring = w->ring;
  int64_t B = ring->config.batch_size, D = ring->config.slot_dim, N = ring->rows, dim = ring->dim;
  share units = own_units(w, dim), crew = w->crew_samples;
  int64_t samples = crew.end - crew.begin;
  real scale = context_scale(ring);
  const real *ih = ring->gru_ih_forward, *hh = ring->gru_hh_forward;
  const real *ih_bias = ring->gru_ih_bias, *hh_bias = ring->gru_hh_bias;
  for (int64_t b = w->samples.begin; b < w->samples.end; b++) start_sample(ring, b);
  for (int64_t row = 0; row < N; row += B) {
    int64_t first = row + crew.begin;
    const real *before = (real *)ring->hidden + first * dim, *mixed = (real *)ring->mixed + first * dim;
    real *after = (real *)ring->hidden + (first + B) * dim, *gates = (real *)ring->gates + first * ring->gates_stride;
    for (int64_t b = w->samples.begin; b < w->samples.end; b++) {
      if (row > 0) after_state(ring, row - B + b, b);
      read_ring(ring, row + b, b, scale);
    }
    if (w->crew_size > 1) vrx_team_arrive(w->member);
    for (int64_t v = units.begin; v < units.end; v++) {
      VRX_KERNEL(multiply)
      (samples, 3, D, before, dim, 1, hh + v * 3 * LANES * D, hh_bias + v * 3 * LANES, 0,
       w->scratch + (v - units.begin) * samples * 3 * LANES, 3 * LANES);
    }
    if (w->crew_size > 1) vrx_team_await(w->member);
    for (int64_t v = units.begin; v < units.end; v++) {
      const real *state = w->scratch + (v - units.begin) * samples * 3 * LANES;
      VRX_KERNEL(multiply)
      (samples, 3, D, mixed, dim, 1, ih + v * 3 * LANES * D, ih_bias + v * 3 * LANES, 0, w->tile, 3 * LANES);
      for (int64_t b = 0; b < samples; b++)
        gru_units(w->tile + b * 3 * LANES, state + b * 3 * LANES, before + b * dim + v * LANES,
                  after + b * dim + v * LANES, gates + b * ring->gates_stride + v * LANES, dim);
    }
    meet_crew(w);
  }
  for (int64_t b = w->samples.begin; b < w->samples.end; b++) after_state(ring, N - B + b, b);
}

/*
 * Leaves the gradients of the GRU's gates in `gates`, of i_t before tanh in `input`, of the pointer heads' outputs
 * in `head_grads`. `dhidden` holds the gradient of the last state, as the read-out gives it.
 */
static void recur_backward(worker *w) {
  vrx_ring *ring = w->ring;
  int64_t B = ring->config.batch_size, N = ring->rows, dim = ring->dim, stride = ring->gates_stride;
  share input_columns = own_input_columns(w, dim), state_columns = own_state_columns(w, dim), crew = w->crew_samples;
  int64_t samples = crew.end - crew.begin;
  real scale = context_scale(ring), *dinput = ring->dinput, *dhidden = ring->dhidden;
  for (int64_t row = N - B; row >= 0; row -= B) {
    real *gates = (real *)ring->gates + row * stride;
    for (int64_t b = w->samples.begin; b < w->samples.end; b++) {
      real *dh = dhidden + b * dim;
      pointer dnext = row + B < N ? read_ring_backward(ring, row + B + b, b, scale) : 0;
      move_pointer_backward(ring, row + b, b, dnext, dh);
      write_ring_backward(ring, row + b, b, dh);
      gru_units_backward(dh, (real *)ring->hidden + (row + b) * dim, gates + b * stride, dim, dh, dim);
    }
    meet_crew(w);
    const real *crew_gates = gates + crew.begin * stride;
    real *crew_dinput = dinput + crew.begin * dim, *crew_dhidden = dhidden + crew.begin * dim;
    for (int64_t v = input_columns.begin, taken; v < input_columns.end; v += taken) {
      taken = panel_vectors(v, input_columns.end);
      VRX_KERNEL(multiply)
      (samples, taken, 3 * dim, crew_gates, stride, 1, (real *)ring->gru_ih_backward + v * LANES * 3 * dim, NULL, 0,
       crew_dinput + v * LANES, dim);
    }
    for (int64_t v = state_columns.begin, taken; row > 0 && v < state_columns.end; v += taken) {
      taken = panel_vectors(v, state_columns.end);
      VRX_KERNEL(multiply)
      (samples, taken, 3 * dim, crew_gates + dim, stride, 1, (real *)ring->gru_hh_backward + v * LANES * 3 * dim,
       crew_dhidden + v * LANES, dim, crew_dhidden + v * LANES, dim);
    }
    meet_crew(w);
  }
  for (int64_t b = w->samples.begin; b < w->samples.end; b++) read_ring_backward(ring, b, b, scale);
}

#endif
