/*
 * Copies the weights into the order in which the kernels read them. Done at the start of a step after the parameters
 * changed; every member packs the columns that it multiplies by, so that they are already in its cache.
 */
#ifndef VRX_MODEL_PACK_H
#define VRX_MODEL_PACK_H

#include "ring_model.h"

/* Gate order in memory (n, r, z, state's n) against that of the parameters (r, z, n). */
static const int INPUT_GATES[3] = {2, 0, 1};
static const int STATE_GATES[3] = {0, 1, 2};
static const int ONE_GATE[1] = {0};

/* The member's share of the vectors of units of a GRU with `dim` padded units. */
static inline share own_units(const worker *w, int64_t dim) { return share_of(dim / LANES, w->crew_id, w->crew_size); }

/* Columns of [input gradient | state gradient] are shared out together: which vectors of each are this member's. */
static inline share own_input_columns(const worker *w, int64_t dim) {
  int64_t vectors = dim / LANES;
  share all = share_of(2 * vectors, w->crew_id, w->crew_size);
  return (share){least(all.begin, vectors), least(all.end, vectors)};
}
static inline share own_state_columns(const worker *w, int64_t dim) {
  int64_t vectors = dim / LANES;
  share all = share_of(2 * vectors, w->crew_id, w->crew_size);
  return (share){most(all.begin, vectors) - vectors, most(all.end, vectors) - vectors};
}

/* Panels of `gates` vectors, one per vector of units: W is [gates * units, depth], multiplied from the right as W^T. */
static inline void pack_transposed(share vectors, int gates, int64_t depth, int64_t units,
                                   const real *restrict w, real *restrict to) {
  enum { BLOCK = 32 };
  for (int64_t v = vectors.begin; v < vectors.end; v++) {
    real *base = to + v * gates * LANES * depth;
    for (int64_t k0 = 0; k0 < depth; k0 += BLOCK) {
      int64_t k1 = least(k0 + BLOCK, depth);
      for (int g = 0; g < gates; g++) {
        for (int64_t l = 0; l < LANES && v * LANES + l < units; l++) {
          const real *row = w + (g * units + v * LANES + l) * depth;
          for (int64_t k = k0; k < k1; k++) base[(k * gates + g) * LANES + l] = row[k];
        }
      }
    }
  }
}

/*
 * Panels over W's own columns: W is [gates * units, columns]; gate g of the panel's depth is W's gate order[g]. What is
 * beyond the units and columns becomes zero: where panels begin changes with the number of members.
 */
static inline void pack_columns(share vectors, int gates, const int *order, int64_t units, int64_t padded_units,
                                int64_t columns, const real *restrict w, real *restrict to) {
  int64_t depth = gates * padded_units;
  for (int64_t v = vectors.begin, taken; v < vectors.end; v += taken) {
    taken = panel_vectors(v, vectors.end);
    int64_t width = taken * LANES, filled = most(least(width, columns - v * LANES), 0);
    for (int g = 0; g < gates; g++) {
      real *rows = to + v * LANES * depth + g * padded_units * width;
      for (int64_t j = 0; j < units; j++) {
        const real *from = w + (order[g] * units + j) * columns + v * LANES;
        for (int64_t i = 0; i < filled; i++) rows[j * width + i] = from[i];
        for (int64_t i = filled; i < width; i++) rows[j * width + i] = 0;
      }
      memset(rows + units * width, 0, (size_t)((padded_units - units) * width) * sizeof(real));
    }
  }
}

/* The same for a matrix that every member multiplies whole: panels are dealt out in turn. */
static inline void pack_columns_jointly(const worker *w, int gates, const int *order, int64_t units,
                                        int64_t padded_units, int64_t columns, int64_t padded_columns,
                                        const real *from, real *to) {
  int64_t vectors = padded_columns / LANES, turn = 0;
  for (int64_t v = 0, taken; v < vectors; v += taken, turn++) {
    taken = panel_vectors(v, vectors);
    if (turn % w->count == w->id)
      pack_columns((share){v, v + taken}, gates, order, units, padded_units, columns, from, to);
  }
}

static inline void pack_transposed_jointly(const worker *w, int64_t depth, int64_t units, int64_t padded_units,
                                           const real *restrict from, real *restrict to) {
  int64_t vectors = padded_units / LANES, turn = 0;
  for (int64_t v = 0, taken; v < vectors; v += taken, turn++) {
    taken = panel_vectors(v, vectors);
    if (turn % w->count != w->id) continue;
    int64_t width = taken * LANES, filled = least(width, units - v * LANES);
    for (int64_t i = 0; i < filled; i++) {
      const real *row = from + (v * LANES + i) * depth;
      real *column = to + v * LANES * depth + i;
      for (int64_t k = 0; k < depth; k++) column[k * width] = row[k];
    }
  }
}

/* Of a square matrix of three gates, what the member's crew multiplies by: its own columns, or together all of them. */
static inline void pack_crew_columns(const worker *w, share own, const int *order, int64_t units, int64_t padded_units,
                                     const real *from, real *to) {
  if (w->crew_size > 1)
    pack_columns(own, 3, order, units, padded_units, units, from, to);
  else
    pack_columns_jointly(w, 3, order, units, padded_units, units, padded_units, from, to);
}

static inline void pack_bias(share vectors, int64_t units, const real *from, real *to) {
  for (int64_t v = vectors.begin; v < vectors.end; v++)
    for (int g = 0; g < 3; g++)
      for (int64_t l = 0; l < LANES && v * LANES + l < units; l++)
        to[(v * 3 + g) * LANES + l] = from[g * units + v * LANES + l];
}

/* The panels of one GRU with `inputs` = `units` columns in both matrices. */
static inline void pack_gru(const worker *w, int64_t units, int64_t padded, int64_t first_slot, real *ih_forward,
                            real *hh_forward, real *ih_bias, real *hh_bias) {
  const vrx_ring *ring = w->ring;
  share own = share_of(padded / LANES, w->id, w->count);
  pack_transposed(own, 3, units, units, parameter(ring, first_slot), ih_forward);
  pack_transposed(own, 3, units, units, parameter(ring, first_slot + 1), hh_forward);
  pack_bias(own, units, parameter(ring, first_slot + 2), ih_bias);
  pack_bias(own, units, parameter(ring, first_slot + 3), hh_bias);
}

static void pack_weights(const worker *w) {
  const vrx_ring *ring = w->ring;
  int64_t D = ring->config.slot_dim, S = ring->config.sensory_dim;
  pack_gru(w, D, ring->dim, SLOT_GRU_W_IH, ring->gru_ih_forward, ring->gru_hh_forward, ring->gru_ih_bias,
           ring->gru_hh_bias);
  pack_crew_columns(w, own_input_columns(w, ring->dim), INPUT_GATES, D, ring->dim, parameter(ring, SLOT_GRU_W_IH),
                    ring->gru_ih_backward);
  pack_crew_columns(w, own_state_columns(w, ring->dim), STATE_GATES, D, ring->dim, parameter(ring, SLOT_GRU_W_HH),
                    ring->gru_hh_backward);
  if (!ring->config.sensory_ring) return;
  pack_gru(w, S, ring->sdim, SLOT_SENSORY_W_IH, ring->sensory_ih_forward, ring->sensory_hh_forward,
           ring->sensory_ih_bias, ring->sensory_hh_bias);
  pack_columns_jointly(w, 3, INPUT_GATES, S, ring->sdim, S, ring->sdim, parameter(ring, SLOT_SENSORY_W_IH),
                       ring->sensory_ih_backward);
  pack_crew_columns(w, own_units(w, ring->sdim), STATE_GATES, S, ring->sdim, parameter(ring, SLOT_SENSORY_W_HH),
                    ring->sensory_hh_backward);
  pack_transposed_jointly(w, S, D, ring->dim, parameter(ring, SLOT_BRIDGE_W), ring->bridge_forward);
  pack_columns_jointly(w, 1, ONE_GATE, D, D, S, ring->sdim, parameter(ring, SLOT_BRIDGE_W), ring->bridge_backward);
}

#endif
