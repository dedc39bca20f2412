/*
 * Gradients of the parameters, after the backward pass through time: sums over all N rows at once, so that they run
 * at the speed of a matrix product. Every sum runs over the rows in ascending order, whatever the number of members.
 */
#ifndef VRX_MODEL_GRADIENTS_H
#define VRX_MODEL_GRADIENTS_H

#include "model_sensory.h"
#include "model_recurrence.h"
#include "model_readout.h"

/* One product A^T B: where the columns of A begin, and where the result goes. */
typedef struct {
  int64_t a_column;
  real *result;
} outer_product;

/* For one B, up to three products with column ranges of the same A. */
typedef struct {
  const real *b;
  int64_t b_stride;
  outer_product products[3];
  int product_count;
} outer_group;

/* Copies columns [first, first + count) of rows of A into tiles of MAX_ROWS columns: tile, row, column. */
static inline void pack_tiles(const real *restrict a, int64_t stride, share rows, int64_t depth, int64_t count,
                              real *restrict to) {
  enum { BLOCK = 8 };
  for (int64_t n0 = rows.begin; n0 < rows.end; n0 += BLOCK) {
    int64_t n1 = least(n0 + BLOCK, rows.end);
    for (int64_t c = 0; c < count; c += MAX_ROWS) {
      int64_t width = least(MAX_ROWS, count - c);
      real *tile = to + c * depth;
      for (int64_t n = n0; n < n1; n++) {
        const real *from = a + n * stride + c;
        /* The size of all tiles but the last is known to the compiler, which then needs no loop. */
        if (width == MAX_ROWS)
          memcpy(tile + n * MAX_ROWS, from, MAX_ROWS * sizeof(real));
        else
          for (int64_t i = 0; i < width; i++) tile[n * MAX_ROWS + i] = from[i];
      }
    }
  }
}

/*
 * results[columns of A x columns of B] = A^T B for each product. `a_columns` columns of A are packed; every product
 * uses `units` of them and begins at a multiple of MAX_ROWS after padding: segments of `segment` columns.
 */
static void outer_products(worker *w, const real *a, int64_t a_stride, int64_t segments, int64_t segment, int64_t units,
                           const outer_group *groups, int group_count, int64_t columns, int64_t padded_columns) {
  vrx_ring *ring = w->ring;
  int64_t N = ring->rows, vectors = padded_columns / LANES;
  int64_t tile_columns = (units + MAX_ROWS - 1) / MAX_ROWS * MAX_ROWS;
  share own = share_of(group_count * vectors, w->id, w->count);
  real *tiles = ring->packed_gates;
  real *panel = (real *)ring->packed_columns + w->id * (int64_t)VRX_ROW_BLOCK * MAX_VECTORS * LANES;
  real *partial = w->tile;
  for (int64_t n0 = 0; n0 < N; n0 += VRX_ROW_BLOCK) {
    int64_t depth = least(VRX_ROW_BLOCK, N - n0);
    share rows = share_of(depth, w->id, w->count);
    for (int64_t s = 0; s < segments; s++)
      pack_tiles(a + n0 * a_stride + s * segment, a_stride, rows, depth, units, tiles + s * tile_columns * depth);
    meet(w);
    for (int g = 0; g < group_count; g++) {
      const outer_group *group = &groups[g];
      int64_t begin = least(most(own.begin - g * vectors, 0), vectors), end = least(most(own.end - g * vectors, 0), vectors);
      for (int64_t v = begin, taken; v < end; v += taken) {
        taken = panel_vectors(v, end);
        int64_t width = taken * LANES, filled = least(width, columns - v * LANES);
        if (filled <= 0) continue;
        for (int64_t n = 0; n < depth; n++)
          memcpy(panel + n * width, group->b + (n0 + n) * group->b_stride + v * LANES, (size_t)width * sizeof(real));
        for (int p = 0; p < group->product_count; p++) {
          const real *segment_tiles = tiles + group->products[p].a_column / segment * tile_columns * depth;
          for (int64_t c = 0; c < units; c += MAX_ROWS) {
            int64_t count = least(MAX_ROWS, units - c);
            real *result = group->products[p].result + c * columns + v * LANES;
            if (filled == width) {
              VRX_KERNEL(multiply)
              (count, taken, depth, segment_tiles + c * depth, 1, MAX_ROWS, panel, n0 == 0 ? NULL : result, columns,
               result, columns);
              continue;
            }
            VRX_KERNEL(multiply)
            (count, taken, depth, segment_tiles + c * depth, 1, MAX_ROWS, panel, NULL, 0, partial, width);
            for (int64_t i = 0; i < count; i++)
              for (int64_t j = 0; j < filled; j++)
                result[i * columns + j] = (n0 == 0 ? 0 : result[i * columns + j]) + partial[i * width + j];
          }
        }
      }
    }
    meet(w);
  }
}

/* result[j] = sum over rows of a[n][first + j], for a share of the columns. */
static inline void column_sums(const worker *w, const real *a, int64_t stride, int64_t columns, real *restrict result) {
  share own = share_of((columns + 15) / 16, w->id, w->count);
  int64_t begin = least(own.begin * 16, columns), end = least(own.end * 16, columns);
  for (int64_t j = begin; j < end; j++) result[j] = 0;
  for (int64_t n = 0; n < w->ring->rows; n++)
    for (int64_t j = begin; j < end; j++) result[j] += a[n * stride + j];
}

/* result[j] = sum over rows of factor[n * factor_stride] * a[n][j], for a share of the columns. */
static inline void weighted_sums(const worker *w, const real *factor, int64_t factor_stride, const real *a,
                                 int64_t stride, int64_t columns, real *restrict result) {
  share own = share_of((columns + 15) / 16, w->id, w->count);
  int64_t begin = least(own.begin * 16, columns), end = least(own.end * 16, columns);
  for (int64_t j = begin; j < end; j++) result[j] = 0;
  for (int64_t n = 0; n < w->ring->rows; n++)
    for (int64_t j = begin; j < end; j++) result[j] += factor[n * factor_stride] * a[n * stride + j];
}

static void gru_gradients(worker *w, int64_t first_slot, const real *gates, int64_t gates_stride, int64_t units,
                          int64_t padded, const real *inputs, const real *states) {
  const vrx_ring *ring = w->ring;
  real *ih = gradient(ring, first_slot), *hh = gradient(ring, first_slot + 1);
  real *ih_bias = gradient(ring, first_slot + 2), *hh_bias = gradient(ring, first_slot + 3);
  int64_t size = units * units;
  outer_group groups[2] = {
      {inputs, padded, {{0, ih + 2 * size}, {padded, ih}, {2 * padded, ih + size}}, 3},
      {states, padded, {{padded, hh}, {2 * padded, hh + size}, {3 * padded, hh + 2 * size}}, 3},
  };
  outer_products(w, gates, gates_stride, 4, padded, units, groups, 2, units, padded);
  for (int g = 0; g < 3; g++) {
    column_sums(w, gates + (g == 2 ? 0 : g + 1) * padded, gates_stride, units, ih_bias + g * units);
    column_sums(w, gates + (g + 1) * padded, gates_stride, units, hh_bias + g * units);
  }
}

static void sensory_gradients(worker *w) {
  vrx_ring *ring = w->ring;
  int64_t D = ring->config.slot_dim, S = ring->config.sensory_dim, B = ring->config.batch_size, stride = ring->sdim;
  share rows = share_of(ring->rows, w->id, w->count);
  outer_group bridge = {(real *)ring->sensory_hidden + B * stride, stride, {{0, gradient(ring, SLOT_BRIDGE_W)}}, 1};
  outer_products(w, ring->input, ring->dim, 1, ring->dim, D, &bridge, 1, S, stride);
  column_sums(w, ring->input, ring->dim, D, gradient(ring, SLOT_BRIDGE_B));
  sensory_backward(w);
  gru_gradients(w, SLOT_SENSORY_W_IH, ring->sensory_gates, ring->sensory_gates_stride, S, stride, ring->sensory_mixed,
                ring->sensory_hidden);
  real *slopes = ring->sensory_gates_in;
  const real *u = ring->sensory_input;
  for (int64_t i = rows.begin * stride; i < rows.end * stride; i++) slopes[i] *= (real)1 - u[i] * u[i];
  meet(w);
  weighted_sums(w, ring->x, 1, slopes, stride, S, gradient(ring, SLOT_SENSORY_PROJ_W));
  column_sums(w, slopes, stride, S, gradient(ring, SLOT_SENSORY_PROJ_B));
}

/* Sums over the samples and steps that touched a theta, in their order. */
static void target_gradients(vrx_ring *ring, int64_t slot, int64_t first) {
  int64_t R = ring->config.ring_len;
  real *result = gradient(ring, slot);
  const real *parts = (real *)ring->target_grads + first;
  memset(result, 0, (size_t)R * sizeof(real));
  for (int64_t n = 0; n < ring->rows; n++) {
    if (!moves_at(ring, n)) continue;
    int64_t j = ring->target_slots[n];
    result[j] += parts[n * 4];
    result[(j + 1) % R] += parts[n * 4 + 1];
  }
}

static void pointer_gradients(worker *w) {
  vrx_ring *ring = w->ring;
  int64_t N = ring->rows, B = ring->config.batch_size;
  const real *heads = ring->head_grads, *states = (real *)ring->hidden + B * ring->dim;
  for (int i = 0; i < POINTER_HEADS; i++) {
    int64_t slot = SLOT_JUMP_W + 2 * i;
    weighted_sums(w, heads + i, POINTER_HEADS, states, ring->dim, ring->config.slot_dim, gradient(ring, slot));
    if (w->id != 0) continue;
    real sum = 0;
    for (int64_t n = 0; n < N; n++) sum += heads[n * POINTER_HEADS + i];
    *gradient(ring, slot + 1) = sum;
  }
  if (w->id == 0) target_gradients(ring, SLOT_THETA_PTR, 0);
  if (w->id == w->count - 1) {
    target_gradients(ring, SLOT_THETA_GATE, 2);
    double sum = 0;
    real scale = context_scale(ring);
    for (int64_t b = 0; b < B; b++) sum += ring->context_grads[b];
    *gradient(ring, SLOT_CONTEXT) = (real)sum * scale * ((real)1 - scale);
  }
}

static void parameter_gradients(worker *w) {
  vrx_ring *ring = w->ring;
  int64_t D = ring->config.slot_dim;
  gru_gradients(w, SLOT_GRU_W_IH, ring->gates, ring->gates_stride, D, ring->dim, ring->mixed, ring->hidden);
  pointer_gradients(w);
  if (ring->config.sensory_ring) {
    sensory_gradients(w);
  } else {
    weighted_sums(w, ring->x, 1, ring->input, ring->dim, D, gradient(ring, SLOT_INPUT_W));
    column_sums(w, ring->input, ring->dim, D, gradient(ring, SLOT_INPUT_B));
  }
}

#endif
