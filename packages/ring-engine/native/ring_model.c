/*
 * One training step of the ring model, executed by all members of the team together. Compiled once per instruction
 * set, precision and pointer precision; see ring_variants.c for the choice among them.
 */
#include "model_gradients.h"

/* Adam on the parameters that got a gradient; each member takes a share of every one of them. */
static void update_parameters(worker *w) {
  vrx_ring *ring = w->ring;
  const vrx_ring_config *config = &ring->config;
  real beta1 = (real)config->adam_beta1, beta2 = (real)config->adam_beta2, epsilon = (real)config->adam_epsilon;
  real rest1 = (real)(1 - config->adam_beta1), rest2 = (real)(1 - config->adam_beta2);
  for (int64_t s = 0; s < ring->slot_count; s++) {
    vrx_ring_slot *slot = &ring->slots[s];
    if (!slot->present) continue;
    double updates = (double)slot->updates + 1;
    real rate = (real)(config->learning_rate / (1 - pow(config->adam_beta1, updates)));
    real correction = (real)sqrt(1 - pow(config->adam_beta2, updates));
    share own = share_of((int64_t)(slot->length + 15) / 16, w->id, w->count);
    int64_t end = least(own.end * 16, (int64_t)slot->length);
    real *restrict p = (real *)ring->parameters + slot->internal, *restrict g = (real *)ring->gradients + slot->internal;
    real *restrict m = (real *)ring->first_moment + slot->internal, *restrict v = (real *)ring->second_moment + slot->internal;
    for (int64_t i = own.begin * 16; i < end; i++) {
      m[i] = beta1 * m[i] + rest1 * g[i];
      v[i] = beta2 * v[i] + rest2 * (g[i] * g[i]);
#if VRX_F64
      p[i] -= rate * m[i] / (__builtin_sqrt(v[i]) / correction + epsilon);
#else
      p[i] -= rate * m[i] / (__builtin_sqrtf(v[i]) / correction + epsilon);
#endif
    }
  }
}

static void total_loss(vrx_ring *ring) {
  double sum = 0;
  for (int64_t b = 0; b < ring->config.batch_size; b++) sum += ring->losses[b];
  ring->loss = sum / (double)ring->config.batch_size;
}

static void run(vrx_ring *ring, vrx_member *member) {
  int64_t B = ring->config.batch_size, widest = most(ring->dim, ring->sdim);
  worker own = {.ring = ring, .member = member, .id = member->id, .count = member->count};
  worker *w = &own;
  own.samples = share_of(B, own.id, own.count);
  bool alone = ring->plans[ring->plan].apart || own.count == 1;
  own.crew_id = alone ? 0 : own.id;
  own.crew_size = alone ? 1 : own.count;
  own.crew_samples = alone ? own.samples : (share){0, B};
  own.scratch = (real *)ring->scratch + own.id * ring->scratch_elements;
  own.tile = own.scratch + 3 * widest * B;

  if (!ring->packed) {
    pack_weights(w);
    meet(w);
  }
  model_inputs(w);
  recur_forward(w);
  for (int64_t b = own.samples.begin; b < own.samples.end; b++) read_out(ring, b);
  meet(w);
  if (own.id == 0) {
    ring->packed = true;
    total_loss(ring);
  }
  if (ring->request.mode == VRX_FORWARD) return;
  head_gradients(w);
  for (int64_t b = own.samples.begin; b < own.samples.end; b++) read_out_backward(ring, b);
  recur_backward(w);
  meet(w);
  parameter_gradients(w);
  if (own.id == 0) mark_present(ring);
  meet(w);
  if (ring->request.mode != VRX_TRAIN) return;
  update_parameters(w);
  meet(w);
  if (own.id != 0) return;
  ring->packed = false;
  for (int64_t s = 0; s < ring->slot_count; s++) ring->slots[s].updates += ring->slots[s].present ? 1 : 0;
}

static void read_vector(const vrx_ring *ring, const void *from, double *to) {
  for (int64_t s = 0; s < ring->slot_count; s++) {
    const vrx_ring_slot *slot = &ring->slots[s];
    const real *values = (const real *)from + slot->internal;
    for (size_t i = 0; i < slot->length; i++) to[slot->external + i] = (double)values[i];
  }
}

static void write_vector(const vrx_ring *ring, const double *from, void *to) {
  for (int64_t s = 0; s < ring->slot_count; s++) {
    const vrx_ring_slot *slot = &ring->slots[s];
    real *values = (real *)to + slot->internal;
    for (size_t i = 0; i < slot->length; i++) values[i] = (real)from[slot->external + i];
  }
}

#if VRX_LEVEL == 2
#define VRX_ISA "avx512"
#elif VRX_LEVEL == 1
#define VRX_ISA "avx2"
#else
#define VRX_ISA "generic"
#endif

#define VRX_JOIN4(a, b, c, d) a##_##b##_##c##_##d
#define VRX_EXPAND4(a, b, c, d) VRX_JOIN4(a, b, c, d)
#if VRX_PTR_F64
#define VRX_OPS VRX_EXPAND4(vrx_ring_ops, VRX_REAL_NAME, p64, VRX_LEVEL)
#else
#define VRX_OPS VRX_EXPAND4(vrx_ring_ops, VRX_REAL_NAME, p32, VRX_LEVEL)
#endif

extern const vrx_ring_ops VRX_OPS;
const vrx_ring_ops VRX_OPS = {.isa = VRX_ISA, .run = run, .read_vector = read_vector, .write_vector = write_vector};
