/*
 * The read-out: the expert head of the pointer's last slot on ring row plus state, cross-entropy, and their gradients.
 */
#ifndef VRX_MODEL_READOUT_H
#define VRX_MODEL_READOUT_H

#include "model_ring.h"

static inline int64_t readout_slot(const vrx_ring *ring, int64_t b) {
  return ring->pointer_slots[ring->rows - ring->config.batch_size + b];
}
static inline int64_t head_slot(const vrx_ring *ring, int64_t b) {
  return SLOT_HEADS + 2 * (readout_slot(ring, b) % ring->config.expert_heads);
}

/* Logits of one sample, its loss, and the loss's gradient in their place. */
static void read_out(vrx_ring *ring, int64_t b) {
  int64_t C = ring->config.num_classes, D = ring->config.slot_dim, dim = ring->dim, B = ring->config.batch_size;
  int64_t head = head_slot(ring, b), row = ring->slot_row[b * ring->config.ring_len + readout_slot(ring, b)];
  const real *weight = parameter(ring, head), *bias = parameter(ring, head + 1);
  const real *h = hidden_after(ring, ring->rows - B + b);
  real *feature = (real *)ring->readout + b * dim;
  real *logits = (real *)ring->logits_copy + b * C, *slopes = (real *)ring->logits + b * C;
  memcpy(feature, h, (size_t)dim * sizeof(real));
  if (row >= 0) add_scaled(feature, 1, ring_row(ring, b, row), dim);
  double largest = -INFINITY, sum = 0;
  for (int64_t c = 0; c < C; c++) {
    logits[c] = dot(weight + c * D, feature, D) + bias[c];
    if ((double)logits[c] > largest) largest = (double)logits[c];
  }
  for (int64_t c = 0; c < C; c++) sum += exp((double)logits[c] - largest);
  int32_t label = ring->targets[b];
  ring->losses[b] = log(sum) + largest - (double)logits[label];
  for (int64_t c = 0; c < C; c++) {
    double share_of_class = exp((double)logits[c] - largest) / sum;
    slopes[c] = (real)((share_of_class - (c == label ? 1 : 0)) / (double)B);
  }
}

/* Gradient of one sample's feature, to the last state and to the row it was read from. */
static void read_out_backward(vrx_ring *ring, int64_t b) {
  int64_t C = ring->config.num_classes, D = ring->config.slot_dim, dim = ring->dim;
  int64_t row = ring->slot_row[b * ring->config.ring_len + readout_slot(ring, b)];
  const real *weight = parameter(ring, head_slot(ring, b)), *slopes = (real *)ring->logits + b * C;
  real *dh = (real *)ring->dhidden + b * dim;
  start_sample_backward(ring, b);
  memset(dh, 0, (size_t)dim * sizeof(real));
  for (int64_t c = 0; c < C; c++) add_scaled(dh, slopes[c], weight + c * D, D);
  if (row >= 0) add_scaled(ring_gradient_row(ring, b, row), 1, dh, dim);
}

/* Gradients of the heads; those that no sample used get none. */
static void head_gradients(worker *w) {
  vrx_ring *ring = w->ring;
  int64_t B = ring->config.batch_size, C = ring->config.num_classes, D = ring->config.slot_dim;
  share classes = share_of(C, w->id, w->count);
  for (int64_t e = 0; e < ring->config.expert_heads; e++) {
    int64_t slot = SLOT_HEADS + 2 * e;
    real *weight = gradient(ring, slot), *bias = gradient(ring, slot + 1);
    bool clean = !ring->slots[slot].present;
    bool used = false;
    for (int64_t b = 0; b < B; b++) used = used || head_slot(ring, b) == slot;
    if (!used && clean) continue;
    memset(weight + classes.begin * D, 0, (size_t)((classes.end - classes.begin) * D) * sizeof(real));
    memset(bias + classes.begin, 0, (size_t)(classes.end - classes.begin) * sizeof(real));
    for (int64_t b = 0; b < B; b++) {
      if (head_slot(ring, b) != slot) continue;
      const real *slopes = (real *)ring->logits + b * C, *feature = (real *)ring->readout + b * ring->dim;
      for (int64_t c = classes.begin; c < classes.end; c++) {
        add_scaled(weight + c * D, slopes[c], feature, D);
        bias[c] += slopes[c];
      }
    }
  }
}

/* Which parameters this batch gives gradients to. The pointer only matters to later time steps. */
static void mark_present(vrx_ring *ring) {
  bool sensory = ring->config.sensory_ring, later = ring->config.synth_len > 1;
  for (int64_t s = 0; s < SLOT_HEADS; s++) {
    bool of_pointer = s == SLOT_THETA_PTR || s == SLOT_THETA_GATE || (s >= SLOT_JUMP_W && s <= SLOT_WALK_B);
    bool of_sensory = s >= SLOT_SENSORY_PROJ_W && s <= SLOT_BRIDGE_B;
    bool of_input = s == SLOT_INPUT_W || s == SLOT_INPUT_B;
    ring->slots[s].present = of_pointer ? later : of_sensory ? sensory : of_input ? !sensory : true;
  }
  for (int64_t s = SLOT_HEADS; s < ring->slot_count; s++) ring->slots[s].present = false;
  for (int64_t b = 0; b < ring->config.batch_size; b++)
    ring->slots[head_slot(ring, b)].present = ring->slots[head_slot(ring, b) + 1].present = true;
}

#endif
