/*
 * The ring and its pointer, sample by sample: window, read, write, pointer update, and their gradients. A sample
 * belongs to one member of the team, so nothing here is shared and results do not depend on the number of members.
 */
#ifndef VRX_MODEL_RING_H
#define VRX_MODEL_RING_H

#include "ring_model.h"

static inline pointer *window_weights(const vrx_ring *ring, int64_t n) {
  return (pointer *)ring->weights + n * ring->width;
}
static inline real *hidden_after(const vrx_ring *ring, int64_t n) {
  return (real *)ring->hidden + (n + ring->config.batch_size) * ring->dim;
}
static inline real *ring_gradient_row(const vrx_ring *ring, int64_t b, int64_t row) {
  return (real *)ring->ring_grads + (b * ring->row_capacity + row) * ring->dim;
}
static inline real context_scale(const vrx_ring *ring) { return R_(sigmoid)(*parameter(ring, SLOT_CONTEXT)); }

/* Forgets the slots that the last step touched, and puts the pointer where the batch says. */
static void start_sample(const vrx_ring *ring, int64_t b) {
  int32_t *map = ring->slot_row + b * ring->config.ring_len;
  const int32_t *touched = ring->touched + b * ring->row_capacity;
  for (int32_t i = 0; i < ring->touched_count[b]; i++) map[touched[i]] = -1;
  ring->touched_count[b] = 0;
  ring->moved[b] = 0;
  ring->raw_moved[b] = 0;
  ((pointer *)ring->pointers)[b] = (pointer)ring->pointer_unit[b] * (pointer)(ring->config.ring_len - 1);
}

/* mixed = input + scale * (weighted sum of the rows); the sum is one of pointer precision, as the weights are. */
static inline __attribute__((always_inline)) void mix_window(int64_t width, int64_t dim, const real *restrict rows,
                                                             const pointer *restrict weights,
                                                             const real *restrict input, real scale,
                                                             real *restrict mixed) {
  for (int64_t j = 0; j < dim; j++) {
    pointer sum = 0;
#pragma GCC unroll 5
    for (int64_t k = 0; k < width; k++) sum += weights[k] * (pointer)rows[k * dim + j];
    mixed[j] = input[j] + scale * (real)sum;
  }
}

/* The window of time step n / batch and what it reads. */
static void read_ring(vrx_ring *ring, int64_t n, int64_t b, real scale) {
  int64_t W = ring->width, dim = ring->dim;
  pointer *p = (pointer *)ring->pointers + n, *weights = window_weights(ring, n);
  int32_t *centers = ring->centers + n * W;
  const int32_t *map = ring->slot_row + b * ring->config.ring_len;
  real *gathered = (real *)ring->gathered + n * W * dim, *mixed = (real *)ring->mixed + n * dim;
  const real *input = (real *)ring->input + n * dim, *zeros = ring->hidden;
  if (ring->request.forced) *p = (pointer)ring->forced_pointers[n];
  P_(window)
  (*p, (int32_t)ring->config.ring_len, (int32_t)ring->config.window_radius, (pointer)ring->config.window_tau, centers,
   weights, (pointer *)ring->offsets + n * W);
  /* The rows are kept as they are before the write: the backward pass needs them. */
  for (int64_t k = 0; k < W; k++) {
    int32_t row = map[centers[k]];
    memcpy(gathered + k * dim, row < 0 ? zeros : ring_row(ring, b, row), (size_t)dim * sizeof(real));
  }
  if (W == 5)
    mix_window(5, dim, gathered, weights, input, scale, mixed);
  else
    mix_window(W, dim, gathered, weights, input, scale, mixed);
}

/* Adds h to the window's slots; the first touch of a slot gives it a row. */
static void write_ring(vrx_ring *ring, int64_t n, int64_t b) {
  int64_t W = ring->width, dim = ring->dim;
  const pointer *weights = window_weights(ring, n);
  const int32_t *centers = ring->centers + n * W;
  int32_t *map = ring->slot_row + b * ring->config.ring_len, *touched = ring->touched + b * ring->row_capacity;
  const real *h = hidden_after(ring, n);
  for (int64_t k = 0; k < W; k++) {
    real weight = (real)(weights[k] * (pointer)ring->config.update_scale);
    int32_t row = map[centers[k]];
    if (row < 0) {
      row = map[centers[k]] = ring->touched_count[b]++;
      touched[row] = centers[k];
      real *to = (real *)ring_row(ring, b, row);
      for (int64_t j = 0; j < dim; j++) to[j] = weight * h[j];
    } else {
      add_scaled((real *)ring_row(ring, b, row), weight, h, dim);
    }
    ring->window_rows[n * W + k] = row;
  }
}

/* The two thetas around p, looked up through a float copy of it, as the executed model does. */
static void look_up_target(vrx_ring *ring, int64_t n, pointer p, P_(pointer_input) * in) {
  int64_t R = ring->config.ring_len;
  float position = (float)p, base = floorf(position);
  int32_t j0 = (int32_t)((int64_t)base % R), j1 = (int32_t)((j0 + 1) % R);
  const real *theta = parameter(ring, SLOT_THETA_PTR), *gate = parameter(ring, SLOT_THETA_GATE);
  real fraction = (real)(position - base), last = (real)(R - 1);
  real s0 = R_(sigmoid)(theta[j0]), s1 = R_(sigmoid)(theta[j1]);
  real *parts = (real *)ring->target_parts + n * 3;
  parts[0] = fraction;
  parts[1] = s0;
  parts[2] = s1;
  ring->target_slots[n] = j0;
  in->target = (pointer)(s0 * last + fraction * (s1 * last - s0 * last));
  in->gate = (pointer)(gate[j0] + fraction * (gate[j1] - gate[j0]));
}

static bool moves_at(const vrx_ring *ring, int64_t n) {
  return n / ring->config.batch_size % ring->config.ptr_update_every == 0;
}

/* From p at step n to p at the next step, with what the state says. */
static void move_pointer(vrx_ring *ring, int64_t n, int64_t b) {
  int64_t R = ring->config.ring_len, dim = ring->dim;
  pointer *pointers = ring->pointers, p = pointers[n], moved = p, next;
  const real *h = hidden_after(ring, n);
  if (moves_at(ring, n)) {
    P_(pointer_input) *in = (P_(pointer_input) *)ring->pointer_inputs + n;
    in->jump = (pointer)(dot(parameter(ring, SLOT_JUMP_W), h, dim) + *parameter(ring, SLOT_JUMP_B));
    in->inertia = (pointer)(dot(parameter(ring, SLOT_INERTIA_W), h, dim) + *parameter(ring, SLOT_INERTIA_B));
    in->deadzone = (pointer)(dot(parameter(ring, SLOT_DEADZONE_W), h, dim) + *parameter(ring, SLOT_DEADZONE_B));
    in->walk = (pointer)(dot(parameter(ring, SLOT_WALK_W), h, dim) + *parameter(ring, SLOT_WALK_B));
    look_up_target(ring, n, p, in);
    P_(pointer_update) update = P_(pointer_forward)(p, *in, (pointer)R, (pointer)ring->config.deadzone_tau);
    moved = update.moved;
    ring->raw_moved[b] += fabs((double)update.pull_step);
  }
  /* The position is brought back to the ring in double precision whatever the pointer's own. */
  next = (pointer)rm_mod_f64((double)p + rm_wrap_f64((double)p, (double)moved, (double)R), (double)R);
  if (!isfinite(next)) next = next > 0 ? (pointer)(R - 1) : 0;
  pointers[n + ring->config.batch_size] = ((pointer *)ring->next_pointers)[n] = next;
  ring->moved[b] += fabs(rm_wrap_f64((double)p, (double)next, (double)R));
  ring->pointer_slots[n] = P_(slot_of)(next, (int32_t)R);
}

/* Telemetry: the column of the projection along which the state points most. */
static void watch_state(vrx_ring *ring, int64_t n, int64_t b) {
  int64_t columns = ring->config.state_loop_dim, D = ring->config.slot_dim;
  const real *h = hidden_after(ring, n), *projection = ring->projection;
  real largest = 0;
  if (b >= ring->config.state_loop_samples) return;
  for (int64_t c = 0; c < columns; c++) {
    real score = 0;
    for (int64_t j = 0; j < D; j++) score += h[j] * projection[j * columns + c];
    if (c == 0 || score > largest) {
      largest = score;
      ring->modes[n] = (int32_t)c;
    }
  }
}

static void after_state(vrx_ring *ring, int64_t n, int64_t b) {
  write_ring(ring, n, b);
  move_pointer(ring, n, b);
  watch_state(ring, n, b);
}

/* Clears the rows that gradients of this sample's ring will be summed in. */
static void start_sample_backward(vrx_ring *ring, int64_t b) {
  memset(ring_gradient_row(ring, b, 0), 0, (size_t)(ring->touched_count[b] * ring->dim) * sizeof(real));
  memset((pointer *)ring->pointer_dweights + b * ring->width, 0, (size_t)ring->width * sizeof(pointer));
  ((pointer *)ring->pointer_chain)[b] = 0;
  ring->context_grads[b] = 0;
}

/* What the read of step n passes on, once the gradient of its GRU input is there. Returns d(loss)/dp of step n. */
static pointer read_ring_backward(vrx_ring *ring, int64_t n, int64_t b, real scale) {
  int64_t W = ring->width, dim = ring->dim;
  const real *dmixed = (real *)ring->dinput + b * dim, *gathered = (real *)ring->gathered + n * W * dim;
  const pointer *weights = window_weights(ring, n);
  pointer *dweights = (pointer *)ring->pointer_dweights + b * W;
  const int32_t *rows = ring->window_rows + n * W;
  real *restrict input = (real *)ring->input + n * dim;
  for (int64_t j = 0; j < dim; j++) input[j] = dmixed[j] * ((real)1 - input[j] * input[j]);
  for (int64_t k = 0; k < W; k++) {
    pointer along = (pointer)dot(dmixed, gathered + k * dim, dim);
    ring->context_grads[b] += (double)(weights[k] * along);
    dweights[k] += (pointer)scale * along;
    add_scaled(ring_gradient_row(ring, b, rows[k]), (real)weights[k] * scale, dmixed, dim);
  }
  return ((pointer *)ring->pointer_chain)[b] + P_(window_backward)((int32_t)W, (pointer)ring->config.window_tau,
                                                                   weights, (pointer *)ring->offsets + n * W, dweights);
}

/* Gradients of the pointer's update at step n from that of the next position; adds what the heads pass to the state. */
static void move_pointer_backward(vrx_ring *ring, int64_t n, int64_t b, pointer dnext, real *dh) {
  int64_t dim = ring->dim;
  real *head_grads = (real *)ring->head_grads + n * POINTER_HEADS, *target = (real *)ring->target_grads + n * 4;
  const real *parts = (real *)ring->target_parts + n * 3;
  pointer *chain = (pointer *)ring->pointer_chain + b;
  if (!moves_at(ring, n)) {
    *chain = dnext;
    memset(head_grads, 0, POINTER_HEADS * sizeof *head_grads);
    return;
  }
  pointer tau = (pointer)ring->config.deadzone_tau, R = (pointer)ring->config.ring_len;
  P_(pointer_input) in = ((P_(pointer_input) *)ring->pointer_inputs)[n], slopes;
  P_(pointer_update) update = P_(pointer_forward)(((pointer *)ring->pointers)[n], in, R, tau);
  *chain = P_(pointer_backward)(dnext, in, update, tau, &slopes);
  head_grads[0] = (real)slopes.jump;
  head_grads[1] = (real)slopes.inertia;
  head_grads[2] = (real)slopes.deadzone;
  head_grads[3] = (real)slopes.walk;
  real dtarget = (real)slopes.target * (real)(ring->config.ring_len - 1), dgate = (real)slopes.gate;
  target[0] = dtarget * ((real)1 - parts[0]) * parts[1] * ((real)1 - parts[1]);
  target[1] = dtarget * parts[0] * parts[2] * ((real)1 - parts[2]);
  target[2] = dgate * ((real)1 - parts[0]);
  target[3] = dgate * parts[0];
  const real *restrict jump = parameter(ring, SLOT_JUMP_W), *restrict inertia = parameter(ring, SLOT_INERTIA_W);
  const real *restrict deadzone = parameter(ring, SLOT_DEADZONE_W), *restrict walk = parameter(ring, SLOT_WALK_W);
  for (int64_t j = 0; j < dim; j++)
    dh[j] += head_grads[0] * jump[j] + head_grads[1] * inertia[j] + head_grads[2] * deadzone[j] + head_grads[3] * walk[j];
}

/* What the write of step n passes back to the state, and to the window's weights. */
static void write_ring_backward(vrx_ring *ring, int64_t n, int64_t b, real *dh) {
  int64_t W = ring->width, dim = ring->dim;
  const pointer *weights = window_weights(ring, n);
  pointer *dweights = (pointer *)ring->pointer_dweights + b * W, scale = (pointer)ring->config.update_scale;
  const int32_t *rows = ring->window_rows + n * W;
  const real *h = hidden_after(ring, n);
  for (int64_t k = 0; k < W; k++) {
    const real *slope = ring_gradient_row(ring, b, rows[k]);
    dweights[k] = scale * (pointer)dot(slope, h, dim);
    add_scaled(dh, (real)(weights[k] * scale), slope, dim);
  }
}

#endif
