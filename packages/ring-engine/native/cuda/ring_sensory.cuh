/*
 * The sensory stage through time: a GRU of its own whose input products are done beforehand, since they do not depend on
 * the order of time.
 *
 * Where nothing it takes in is delayed, its steps run within the main recurrence, in the time that blocks would otherwise
 * wait for each other. Where its own states come back to it after sensory_len steps, the kernels here run it by itself,
 * as many steps at a time, with the products of what is delayed between them.
 */
#ifndef VRX_RING_SENSORY_CUH
#define VRX_RING_SENSORY_CUH

#include "ring_device.cuh"

/*
 * A block's share of it: some units, for all samples. What blocks exchange has two places in turn, so that a fast block
 * does not write over what a slow one still reads.
 */
template <typename real>
struct ring_sensory {
  typedef ring_math<real> R;

  const ring_plan &plan;
  unsigned char *arena;
  int64_t B, S, T;
  int columns, units, first_unit, owned;

  __device__ ring_sensory(unsigned char *its_arena)
      : plan(ring_plan_of(its_arena)), arena(its_arena), B(plan.batch), S(plan.sensory_dim), T(plan.synth_len) {
    columns = static_cast<int>(plan.columns);
    units = static_cast<int>(plan.sensory_units);
    first_unit = static_cast<int>(blockIdx.x) * units;
    owned = units * static_cast<int>(B);
  }
  template <typename T_>
  __device__ T_ *at(int64_t offset) const {
    return ring_at<T_>(arena, offset);
  }
  /* The states that step t begins with: those that step t - 1 has left. */
  __device__ real *states(int64_t t) const { return at<real>(plan.at_exchange_sensory) + t % 2 * S * columns; }
  __device__ real *gate_gradients(int64_t t) const {
    return at<real>(plan.at_exchange_sensory_gates) + t % 2 * GATES * S * columns;
  }
  __device__ const real *forward_slice() const {
    return at<const real>(plan.at_sensory_forward) + blockIdx.x * S * plan.sensory_gate_rows;
  }
  __device__ const real *backward_slice() const {
    return at<const real>(plan.at_sensory_backward) + blockIdx.x * 3 * S * plan.sensory_unit_rows;
  }

  /* One step; the states it begins with have been received. `from_state` has sensory_gate_rows by columns. */
  __device__ __noinline__ void forward_step(int64_t t, const real *hh, real *scratch, real *from_state) const {
    ring_multiply(hh, static_cast<int>(plan.sensory_gate_rows), states(t), columns, static_cast<int>(S), scratch, from_state);
    const real *biases = at<real>(plan.at_parameters) + plan.slot_sensory_ih + 6 * S * S + 3 * S;
    real *hidden = at<real>(plan.at_sensory_hidden), *next = states(t + 1);
    for (int own = threadIdx.x; own < owned; own += blockDim.x) {
      const int64_t b = own / units, n = t * B + b;
      const int j = own % units, unit = first_unit + j;
      if (unit >= S) continue;
      real in[3], state[3], r, z, candidate;
      for (int g = 0; g < 3; g++) {
        in[g] = at<real>(plan.at_sensory_in)[n * 3 * S + g * S + unit];
        state[g] = from_state[(g * units + j) * columns + b] + biases[g * S + unit];
      }
      const real h = R::gru(in, state, hidden[n * S + unit], &r, &z, &candidate);
      real *gate = at<real>(plan.at_sensory_gates) + n * GATES * S + unit;
      gate[GATE_STATE * S] = state[2], gate[GATE_RESET * S] = r, gate[GATE_UPDATE * S] = z;
      gate[GATE_CANDIDATE * S] = candidate;
      hidden[(n + B) * S + unit] = h;
      next[static_cast<int64_t>(unit) * columns + b] = ring_operand(h, plan.format);
    }
  }

  /*
   * The gradients of step t's gates, which replace the gates. `dstates` is the gradient of the step's states but for what
   * comes from step t + 1: element (unit j, sample b) is at j * stride_unit + b * stride_sample. `carried` has what step
   * t + 1 passes on by itself, one for each owned pair; `dbefore` has sensory_unit_rows by columns.
   */
  __device__ __noinline__ void backward_step(int64_t t, const real *hh, const real *dstates, int64_t stride_unit, int64_t stride_sample,
                                real *scratch, real *dbefore, real *carried) const {
    const bool followed = t < T - 1;
    if (followed)
      ring_multiply(hh, static_cast<int>(plan.sensory_unit_rows), gate_gradients(t + 1), columns, static_cast<int>(3 * S),
                    scratch, dbefore);
    const real *hidden = at<real>(plan.at_sensory_hidden);
    real *exchanged = gate_gradients(t);
    for (int own = threadIdx.x; own < owned; own += blockDim.x) {
      const int64_t b = own / units, n = t * B + b;
      const int j = own % units, unit = first_unit + j;
      if (unit >= S) continue;
      real *gate = at<real>(plan.at_sensory_gates) + n * GATES * S + unit;
      const real z = gate[GATE_UPDATE * S];
      real dh = dstates[j * stride_unit + b * stride_sample], dr, dz, dn, dstate;
      if (followed) dh += carried[own] + dbefore[j * columns + b];
      R::gru_backward(dh, hidden[n * S + unit], gate[GATE_RESET * S], z, gate[GATE_CANDIDATE * S], gate[GATE_STATE * S], &dr,
                      &dz, &dn, &dstate);
      carried[own] = dh * z;
      const real slope[GATES] = {dstate, dr, dz, dn};
      for (int g = 0; g < GATES; g++) {
        gate[g * S] = slope[g];
        exchanged[(g * S + unit) * columns + b] = ring_operand(slope[g], plan.format);
      }
    }
  }
};

/* Steps [begin, end), which are no further apart than the delay. */
template <typename real>
__device__ void ring_sensory_forward_body(unsigned char *arena, int64_t begin, int64_t end, int resident,
                                          unsigned char *shared, int64_t shared_bytes) {
  const ring_sensory<real> stage(arena);
  const ring_plan &plan = stage.plan;
  ring_carver carver(shared, shared_bytes);
  real *scratch = carver.take<real>(16 * blockDim.x);
  real *from_state = carver.take<real>(plan.sensory_gate_rows * plan.columns);
  const real *hh = ring_slice(stage.forward_slice(), stage.S * plan.sensory_gate_rows, resident != 0, carver);
  int *flags = ring_at<int>(arena, plan.at_flags) + FLAGS_SENSORY * plan.flag_stride;
  __syncthreads();
  for (int64_t t = begin; t < end; t++) {
    if (t > 0) ring_await(flags, static_cast<int>(t));
    stage.forward_step(t, hh, scratch, from_state);
    ring_publish(flags, static_cast<int>(t + 1));
  }
}

/* The same steps backwards, from the gradients of their states in at_sensory_dhidden. */
template <typename real>
__device__ void ring_sensory_backward_body(unsigned char *arena, int64_t begin, int64_t end, int resident,
                                           unsigned char *shared, int64_t shared_bytes) {
  const ring_sensory<real> stage(arena);
  const ring_plan &plan = stage.plan;
  ring_carver carver(shared, shared_bytes);
  real *scratch = carver.take<real>(16 * blockDim.x);
  real *dbefore = carver.take<real>(plan.sensory_unit_rows * plan.columns), *carried = carver.take<real>(stage.owned);
  const real *hh = ring_slice(stage.backward_slice(), 3 * stage.S * plan.sensory_unit_rows, resident != 0, carver);
  int *flags = ring_at<int>(arena, plan.at_flags) + FLAGS_SENSORY_BACKWARD * plan.flag_stride;
  real *carry = ring_at<real>(arena, plan.at_sensory_carry) + blockIdx.x * static_cast<int64_t>(stage.owned);
  for (int own = threadIdx.x; own < stage.owned; own += blockDim.x) carried[own] = carry[own];
  __syncthreads();
  for (int64_t t = end - 1; t >= begin; t--) {
    const int done = static_cast<int>(stage.T - 1 - t);
    const real *dstates = ring_at<real>(arena, plan.at_sensory_dhidden) + t * stage.B * stage.S + stage.first_unit;
    if (done > 0) ring_await(flags, done);
    stage.backward_step(t, hh, dstates, 1, stage.S, scratch, dbefore, carried);
    ring_publish(flags, done + 1);
  }
  for (int own = threadIdx.x; own < stage.owned; own += blockDim.x) carry[own] = carried[own];
}

#endif
