/*
 * What the stages of a step share: one member's view of the engine, typed access to its buffers, vector helpers.
 */
#ifndef VRX_RING_MODEL_H
#define VRX_RING_MODEL_H

#include "ring_real.h"

#if VRX_PTR_F64
typedef double pointer;
#define P_(name) rm_##name##_f64
#else
typedef float pointer;
#define P_(name) rm_##name##_f32
#endif

/*
 * One member of the team during a step. It owns some samples in the ring stages. Through time, members go in crews: a
 * crew takes some samples, its members some columns of their products, and they meet at every time step. By a plan that
 * keeps members apart, each is a crew of its own and meets nobody; otherwise all of them are one crew.
 */
typedef struct {
  vrx_ring *ring;
  vrx_member *member;
  int id, count;
  share samples;
  int crew_id, crew_size;
  share crew_samples;
  real *scratch;      /* 3 * max(dim, sdim) * batch reals */
  real *tile;         /* 3 vectors for each row of the batch, or one register tile */
} worker;

static inline void meet(worker *w) { vrx_team_meet(w->member); }
static inline void meet_crew(worker *w) {
  if (w->crew_size > 1) meet(w);
}

static inline real *parameter(const vrx_ring *ring, int64_t slot) {
  return (real *)ring->parameters + ring->slots[slot].internal;
}
static inline real *gradient(const vrx_ring *ring, int64_t slot) {
  return (real *)ring->gradients + ring->slots[slot].internal;
}

/* The lanes of a vector, added in pairs. */
static inline real lane_sum(vec v) {
  real lanes[LANES];
  memcpy(lanes, &v, sizeof v);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
  return lanes[0];
}

/* Inner product, summed in LANES * 2 interleaved parts. */
static inline real dot(const real *a, const real *b, int64_t n) {
  vec even = {0}, odd = {0};
  real tail = 0;
  int64_t i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    even += (vec) * (const loose_vec *)(a + i) * (vec) * (const loose_vec *)(b + i);
    odd += (vec) * (const loose_vec *)(a + i + LANES) * (vec) * (const loose_vec *)(b + i + LANES);
  }
  for (; i + LANES <= n; i += LANES) even += (vec) * (const loose_vec *)(a + i) * (vec) * (const loose_vec *)(b + i);
  for (; i < n; i++) tail += a[i] * b[i];
  return lane_sum(even + odd) + tail;
}

/* to += factor * from */
static inline void add_scaled(real *restrict to, real factor, const real *restrict from, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] += factor * from[i];
}

static inline const real *ring_row(const vrx_ring *ring, int64_t b, int64_t row) {
  return (const real *)ring->ring_rows + (b * ring->row_capacity + row) * ring->dim;
}

/* Products of a share of A's rows with packed columns: C = init + A * panels, all columns. */
static inline void multiply_rows(share rows, int64_t depth, const real *a, int64_t a_stride, int64_t vectors,
                                 const real *panels, const real *init, real *c, int64_t c_stride) {
  for (int64_t v = 0, taken; v < vectors; v += taken) {
    taken = panel_vectors(v, vectors);
    VRX_KERNEL(multiply)
    (rows.end - rows.begin, taken, depth, a + rows.begin * a_stride, a_stride, 1, panels + v * LANES * depth,
     init == NULL ? NULL : init + v * LANES, 0, c + rows.begin * c_stride + v * LANES, c_stride);
  }
}

/* The GRU's element-wise part for one vector of units: gates, and the new state. `in` and `state` hold r, z, n. */
static inline void gru_units(const real *in, const real *state, const real *h_before, real *h_after, real *gates,
                             int64_t dim) {
  /* Arrays that nothing else can point to spare the loop the checks for overlap. */
  real h[LANES], r[LANES], z[LANES], n[LANES];
  for (int l = 0; l < LANES; l++)
    h[l] = R_(gru)(in[l], in[LANES + l], in[2 * LANES + l], state[l], state[LANES + l], state[2 * LANES + l],
                   h_before[l], &r[l], &z[l], &n[l]);
  memcpy(h_after, h, sizeof h);
  memcpy(gates, n, sizeof n);
  memcpy(gates + dim, r, sizeof r);
  memcpy(gates + 2 * dim, z, sizeof z);
  memcpy(gates + 3 * dim, state + 2 * LANES, LANES * sizeof(real));
}

/* Turns `count` units' gates into the gradients before the gates, in place; `direct` gets dh * z and may be dh itself. */
static inline void gru_units_backward(const real *dh, const real *h_before, real *gates, int64_t dim, real *direct,
                                      int64_t count) {
  for (int64_t j = 0; j < count; j += LANES) {
    real dr[LANES], dz[LANES], dn[LANES], state_dn[LANES], carried[LANES];
    for (int l = 0; l < LANES; l++) {
      real z = gates[2 * dim + j + l], slope = dh[j + l];
      R_(gru_backward)(slope, h_before[j + l], gates[dim + j + l], z, gates[j + l], gates[3 * dim + j + l], &dr[l], &dz[l],
                       &dn[l], &state_dn[l]);
      carried[l] = slope * z;
    }
    memcpy(gates + j, dn, sizeof dn);
    memcpy(gates + dim + j, dr, sizeof dr);
    memcpy(gates + 2 * dim + j, dz, sizeof dz);
    memcpy(gates + 3 * dim + j, state_dn, sizeof state_dn);
    memcpy(direct + j, carried, sizeof carried);
  }
}

#endif
