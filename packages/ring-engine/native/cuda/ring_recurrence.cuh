/*
 * The main GRU with its ring and pointers, through all time steps in one cooperative launch.
 *
 * A block owns some units of the GRU, for all samples: the rows of the weights that make them, kept in shared memory,
 * and its columns of the ring, of its gradient and of everything kept per step, which no other block ever touches. Per
 * time step blocks exchange twice: forward, the state and the cell's mixed input; backward, the gradients of the gates
 * and what each block adds to the gradient of the pointers. Pointers are worked out by every block alike. The sensory
 * stage is a step ahead of the ring forward and a step behind it backward, and works while the ring's blocks wait.
 */
#ifndef VRX_RING_RECURRENCE_CUH
#define VRX_RING_RECURRENCE_CUH

#include "ring_device.cuh"
#include "ring_sensory.cuh"

template <typename real, typename pointer>
struct ring_recurrence {
  typedef ring_math<real> R;
  typedef ring_math<pointer> P;

  const ring_plan &plan;
  unsigned char *arena;
  int64_t B, D, W;
  int units, first_unit, owned; /* `owned`: pairs of one of this block's units with a sample, units first */
  real scale;                   /* how much of what is read enters the cell */

  __device__ ring_recurrence(unsigned char *its_arena)
      : plan(ring_plan_of(its_arena)), arena(its_arena), B(plan.batch), D(plan.slot_dim), W(2 * plan.radius + 1) {
    units = static_cast<int>(plan.units);
    first_unit = static_cast<int>(blockIdx.x) * units;
    owned = units * static_cast<int>(B);
    scale = R::sigmoid(parameters()[plan.slot_context]);
  }

  __device__ const real *parameters() const { return ring_at<const real>(arena, plan.at_parameters); }
  template <typename T>
  __device__ T *at(int64_t offset) const {
    return ring_at<T>(arena, offset);
  }
  __device__ bool leads() const { return blockIdx.x == 0; }
  __device__ bool moves_at(int64_t t) const { return static_cast<int>(t) % static_cast<int>(plan.move_every) == 0; }
  __device__ real *ring_of(int64_t offset, int64_t b, int64_t slot, int unit) const {
    return at<real>(offset) + (b * plan.ring_len + slot) * D + unit;
  }

  /* ---- Forward ---- */

  /* The two thetas around p, looked up through a float copy of it, as the executed model does. */
  __device__ void look_up_target(int64_t n, pointer p, pointer *target, pointer *gate) const {
    const int length = static_cast<int>(plan.ring_len);
    const float position = static_cast<float>(p), base = floorf(position);
    /* A position may round up to the ring's end, which is its beginning. */
    int64_t whole = static_cast<int64_t>(base);
    if (whole >= length) whole -= length;
    const int j0 = static_cast<int>(whole), j1 = j0 + 1 < length ? j0 + 1 : 0;
    const real *theta = parameters() + plan.slot_theta, *gates = parameters() + plan.slot_gate;
    const real fraction = static_cast<real>(position - base), last = static_cast<real>(length - 1);
    const real s0 = R::sigmoid(theta[j0]), s1 = R::sigmoid(theta[j1]);
    *target = static_cast<pointer>(s0 * last + fraction * (s1 * last - s0 * last));
    *gate = static_cast<pointer>(gates[j0] + fraction * (gates[j1] - gates[j0]));
    if (!leads()) return;
    real *parts = at<real>(plan.at_target_parts) + 3 * n;
    parts[0] = fraction, parts[1] = s0, parts[2] = s1;
    at<int>(plan.at_target_slots)[n] = j0;
  }

  /* Where step t leaves sample b's pointer, which was at p. `heads` are the products of its state, [4][columns]. */
  __device__ pointer move_pointer(int64_t t, int64_t b, pointer p, const real *heads, pointer target, pointer gate) const {
    const pointer length = static_cast<pointer>(plan.ring_len);
    const double turn = static_cast<double>(plan.ring_len);
    const int64_t n = t * B + b;
    pointer moved = p;
    double raw = 0;
    if (moves_at(t)) {
      typename P::pointer_input in;
      const real *biases = parameters() + plan.slot_pointer + D;
      in.jump = static_cast<pointer>(heads[HEAD_JUMP * plan.columns + b] + biases[HEAD_JUMP * (D + 1)]);
      in.inertia = static_cast<pointer>(heads[HEAD_INERTIA * plan.columns + b] + biases[HEAD_INERTIA * (D + 1)]);
      in.deadzone = static_cast<pointer>(heads[HEAD_DEADZONE * plan.columns + b] + biases[HEAD_DEADZONE * (D + 1)]);
      in.walk = static_cast<pointer>(heads[HEAD_WALK * plan.columns + b] + biases[HEAD_WALK * (D + 1)]);
      in.target = target;
      in.gate = gate;
      const typename P::pointer_update update =
          P::pointer_forward(p, in, length, static_cast<pointer>(plan.deadzone_tau));
      moved = update.moved;
      raw = fabs(static_cast<double>(update.pull_step));
      if (leads()) at<typename P::pointer_input>(plan.at_pointer_inputs)[n] = in;
    }
    /* The position is brought back to the ring in double precision whatever the pointer's own. */
    const double from = static_cast<double>(p), way = rm_wrap_f64(from, static_cast<double>(moved), turn);
    pointer next = static_cast<pointer>(rm_mod_f64(from + way, turn));
    if (!isfinite(next)) next = next > 0 ? static_cast<pointer>(plan.ring_len - 1) : 0;
    if (leads()) {
      at<pointer>(plan.at_next_pointers)[n] = next;
      at<double>(plan.at_moved)[b] += fabs(rm_wrap_f64(from, static_cast<double>(next), turn));
      at<double>(plan.at_raw_moved)[b] += raw;
      at<int>(plan.at_moves)[n] = P::slot_of(next, static_cast<int>(plan.ring_len));
    }
    return next;
  }

  /* Bits of `resident`: which slices of weights shared memory has room for, in the order in which they are taken. */
  __device__ void forward(int resident, bool forced, unsigned char *shared, int64_t shared_bytes) {
    ring_carver carver(shared, shared_bytes);
    const ring_sensory<real> sensory(arena);
    const bool fused = plan.fused != 0;
    const int bridge_rows = static_cast<int>(plan.unit_rows);
    const int columns = static_cast<int>(plan.columns), rows = static_cast<int>(plan.gate_rows);
    const int depth = static_cast<int>(D), radius = static_cast<int>(plan.radius);
    const int64_t slice = D * rows;
    real *scratch = carver.take<real>(16 * blockDim.x);
    real *from_input = carver.take<real>(rows * columns), *from_state = carver.take<real>(rows * columns);
    real *head_sums = carver.take<real>(POINTER_HEADS * columns);
    pointer *positions = carver.take<pointer>(B), *targets = carver.take<pointer>(B), *gates = carver.take<pointer>(B);
    pointer *weights = carver.take<pointer>(B * W), *offsets = carver.take<pointer>(B * W);
    int *centers = carver.take<int>(B * W);
    real *external = carver.take<real>(fused ? bridge_rows * columns : 0);
    real *from_sensory = carver.take<real>(fused ? plan.sensory_gate_rows * columns : 0);
    const real *heads = ring_slice(at<const real>(plan.at_heads), POINTER_HEADS * D, true, carver);
    const real *ih = ring_slice(at<const real>(plan.at_ih_forward) + blockIdx.x * slice, slice, resident & 1, carver);
    const real *hh = ring_slice(at<const real>(plan.at_hh_forward) + blockIdx.x * slice, slice, resident & 2, carver);
    const real *sensory_hh = nullptr, *bridge = nullptr;
    if (fused) {
      const int64_t bridge_slice = sensory.S * bridge_rows;
      sensory_hh = ring_slice(sensory.forward_slice(), sensory.S * plan.sensory_gate_rows, resident & 4, carver);
      bridge = ring_slice(at<const real>(plan.at_bridge_forward) + blockIdx.x * bridge_slice, bridge_slice, resident & 8, carver);
    }
    const real *bridge_bias = parameters() + plan.slot_bridge + D * sensory.S;
    int *flags = at<int>(plan.at_flags) + FLAGS_RING * plan.flag_stride;
    real *states = at<real>(plan.at_exchange_hidden), *mixtures = at<real>(plan.at_exchange_mixed);
    const real *biases = parameters() + plan.slot_gru_ih + 6 * D * D;
    const int64_t T = plan.synth_len;
    __syncthreads();

    if (fused) {
      sensory.forward_step(0, sensory_hh, scratch, from_sensory);
      ring_publish(flags, 1);
    }
    for (int64_t t = 0; t <= T; t++) {
      const int64_t n0 = t * B;
      /* The states of step t - 1, the ring's and, for the input of step t, the sensory stage's. */
      const int epoch = static_cast<int>(2 * t + 1);
      if (t > 0 || fused) ring_await(flags, epoch);
      if (t > 0) {
        if (moves_at(t - 1)) ring_multiply(heads, POINTER_HEADS, states, columns, depth, scratch, head_sums);
      }
      for (int64_t b = threadIdx.x; b < B; b += blockDim.x) {
        pointer p = at<pointer>(plan.at_pointers)[b];
        if (t > 0) p = move_pointer(t - 1, b, positions[b], head_sums, targets[b], gates[b]);
        if (t == T) continue;
        if (forced) p = static_cast<pointer>(at<double>(plan.at_forced)[n0 + b]);
        positions[b] = p;
        P::window(p, static_cast<int>(plan.ring_len), radius, static_cast<pointer>(plan.window_tau), centers + b * W,
                  weights + b * W, offsets + b * W);
      }
      if (t == T) break;
      /* Its barriers are what makes the windows known to all threads. */
      ring_multiply(hh, rows, states, columns, depth, scratch, from_state);
      if (fused)
        ring_multiply(bridge, bridge_rows, sensory.states(t + 1), columns, static_cast<int>(sensory.S), scratch, external);

      for (int own = threadIdx.x; own < owned; own += blockDim.x) {
        const int64_t b = own / units;
        const int j = own % units, unit = first_unit + j;
        if (unit >= D) continue;
        real *input = at<real>(plan.at_input) + (n0 + b) * D + unit;
        if (fused) *input = R::tanh(external[j * columns + b] + bridge_bias[unit]);
        /* The rows are kept as they are before the write: the backward pass needs them. */
        real *kept = at<real>(plan.at_gathered) + (n0 + b) * W * D + unit;
        pointer sum = 0;
        for (int64_t k = 0; k < W; k++) {
          const real value = *ring_of(plan.at_ring, b, centers[b * W + k], unit);
          kept[k * D] = value;
          sum += weights[b * W + k] * static_cast<pointer>(value);
        }
        const real mixed = *input + scale * static_cast<real>(sum);
        at<real>(plan.at_mixed)[(n0 + b) * D + unit] = mixed;
        mixtures[static_cast<int64_t>(unit) * columns + b] = ring_operand(mixed, plan.format);
      }
      ring_publish(flags, epoch + 1);
      if (fused && t + 1 < T) sensory.forward_step(t + 1, sensory_hh, scratch, from_sensory);
      for (int64_t b = threadIdx.x; b < B; b += blockDim.x) {
        if (moves_at(t)) look_up_target(n0 + b, positions[b], &targets[b], &gates[b]);
        if (leads()) at<pointer>(plan.at_pointers)[n0 + b] = positions[b];
      }
      if (leads()) {
        for (int64_t i = threadIdx.x; i < B * W; i += blockDim.x) {
          at<pointer>(plan.at_weights)[n0 * W + i] = weights[i];
          at<pointer>(plan.at_offsets)[n0 * W + i] = offsets[i];
          at<int>(plan.at_centers)[n0 * W + i] = centers[i];
        }
      }
      ring_await(flags, epoch + 1);
      ring_multiply(ih, rows, mixtures, columns, depth, scratch, from_input);

      for (int own = threadIdx.x; own < owned; own += blockDim.x) {
        const int64_t b = own / units;
        const int j = own % units, unit = first_unit + j;
        if (unit >= D) continue;
        real in[3], state[3], r, z, candidate;
        for (int g = 0; g < 3; g++) {
          in[g] = from_input[(g * units + j) * columns + b] + biases[g * D + unit];
          state[g] = from_state[(g * units + j) * columns + b] + biases[(3 + g) * D + unit];
        }
        const real before = at<real>(plan.at_hidden)[(n0 + b) * D + unit];
        const real h = R::gru(in, state, before, &r, &z, &candidate);
        real *gate = at<real>(plan.at_gates) + (n0 + b) * GATES * D + unit;
        gate[GATE_STATE * D] = state[2], gate[GATE_RESET * D] = r, gate[GATE_UPDATE * D] = z;
        gate[GATE_CANDIDATE * D] = candidate;
        at<real>(plan.at_hidden)[(n0 + B + b) * D + unit] = h;
        states[static_cast<int64_t>(unit) * columns + b] = ring_operand(h, plan.format);
        for (int64_t k = 0; k < W; k++) {
          const real weight = static_cast<real>(weights[b * W + k] * static_cast<pointer>(plan.update_scale));
          *ring_of(plan.at_ring, b, centers[b * W + k], unit) += weight * h;
        }
      }
      ring_publish(flags, epoch + 2);
    }
  }

  /* ---- Backward ---- */

  /*
   * Gradients of sample b's pointer update at step t from that of the next position: to the heads in `slopes`, to the thetas in memory.
   * Returns what remains for p.
   */
  __device__ pointer move_pointer_backward(int64_t t, int64_t b, pointer dnext, real *slopes) const {
    const int64_t n = t * B + b;
    real *heads = at<real>(plan.at_head_gradients) + POINTER_HEADS * n;
    for (int i = 0; i < POINTER_HEADS; i++) slopes[i] = 0;
    pointer dp = dnext;
    if (moves_at(t)) {
      const pointer tau = static_cast<pointer>(plan.deadzone_tau);
      const typename P::pointer_input in = at<typename P::pointer_input>(plan.at_pointer_inputs)[n];
      typename P::pointer_input grad;
      const typename P::pointer_update update =
          P::pointer_forward(at<pointer>(plan.at_pointers)[n], in, static_cast<pointer>(plan.ring_len), tau);
      dp = P::pointer_backward(dnext, in, update, tau, &grad);
      slopes[HEAD_JUMP] = static_cast<real>(grad.jump), slopes[HEAD_INERTIA] = static_cast<real>(grad.inertia);
      slopes[HEAD_DEADZONE] = static_cast<real>(grad.deadzone), slopes[HEAD_WALK] = static_cast<real>(grad.walk);
      if (leads()) {
        const real *parts = at<real>(plan.at_target_parts) + 3 * n;
        const real dtarget = static_cast<real>(grad.target) * static_cast<real>(plan.ring_len - 1);
        const real dgate = static_cast<real>(grad.gate);
        real *target = at<real>(plan.at_target_gradients) + 4 * n;
        target[0] = dtarget * (1 - parts[0]) * parts[1] * (1 - parts[1]);
        target[1] = dtarget * parts[0] * parts[2] * (1 - parts[2]);
        target[2] = dgate * (1 - parts[0]);
        target[3] = dgate * parts[0];
      }
    }
    if (leads())
      for (int i = 0; i < POINTER_HEADS; i++) heads[i] = slopes[i];
    for (int i = 0; i < POINTER_HEADS; i++) slopes[i] = ring_operand(slopes[i], plan.format);
    return dp;
  }

  __device__ void backward(int resident, unsigned char *shared, int64_t shared_bytes) {
    ring_carver carver(shared, shared_bytes);
    const ring_sensory<real> sensory(arena);
    const bool fused = plan.fused != 0;
    const int sensory_rows = static_cast<int>(plan.sensory_unit_rows);
    const int columns = static_cast<int>(plan.columns), rows = static_cast<int>(plan.unit_rows);
    const int depth = static_cast<int>(3 * D);
    const int64_t slice = 3 * D * rows;
    const int lanes = static_cast<int>(blockDim.x) / static_cast<int>(B), blocks = static_cast<int>(plan.blocks);
    const int shares = lanes < 1 ? 1 : lanes > 16 ? 16 : lanes;
    real *scratch = carver.take<real>(16 * blockDim.x);
    real *dmixed = carver.take<real>(rows * columns), *dbefore = carver.take<real>(rows * columns);
    real *dhidden = carver.take<real>(owned);
    pointer *through_write = carver.take<pointer>(owned); /* what the write adds to the gradient of the pointer */
    double *context = carver.take<double>(owned);
    pointer *chain = carver.take<pointer>(B), *share_sums = carver.take<pointer>(16 * B);
    real *slopes = carver.take<real>(POINTER_HEADS * B);
    pointer *weights = carver.take<pointer>(B * W), *leverage = carver.take<pointer>(B * W);
    int *centers = carver.take<int>(B * W);
    real *dsensory = carver.take<real>(fused ? sensory_rows * columns : 0);
    real *dsensory_before = carver.take<real>(fused ? sensory_rows * columns : 0);
    real *sensory_carried = carver.take<real>(fused ? sensory.owned : 0);
    const real *ih = ring_slice(at<const real>(plan.at_ih_backward) + blockIdx.x * slice, slice, resident & 1, carver);
    const real *hh = ring_slice(at<const real>(plan.at_hh_backward) + blockIdx.x * slice, slice, resident & 2, carver);
    const real *sensory_hh = nullptr, *bridge = nullptr;
    if (fused) {
      const int64_t bridge_slice = D * sensory_rows;
      sensory_hh = ring_slice(sensory.backward_slice(), 3 * sensory.S * sensory_rows, resident & 4, carver);
      bridge = ring_slice(at<const real>(plan.at_bridge_backward) + blockIdx.x * bridge_slice, bridge_slice, resident & 8, carver);
    }
    /* The gradient of step t's input, before its tanh, for the sensory stage; in two places, as what that exchanges. */
    const auto dinputs = [&](int64_t t) { return at<real>(plan.at_exchange_dinput) + t % 2 * D * columns; };
    const auto sensory_step = [&](int64_t t) {
      ring_multiply(bridge, sensory_rows, dinputs(t), columns, static_cast<int>(D), scratch, dsensory);
      sensory.backward_step(t, sensory_hh, dsensory, columns, 1, scratch, dsensory_before, sensory_carried);
    };
    int *flags = at<int>(plan.at_flags) + FLAGS_RING_BACKWARD * plan.flag_stride;
    real *exchanged = at<real>(plan.at_exchange_gates);
    pointer *shares_of_blocks = at<pointer>(plan.at_exchange_pointer);
    const real *heads = parameters() + plan.slot_pointer;
    const int64_t T = plan.synth_len, moves = (T - 1) * B;
    const pointer written = static_cast<pointer>(plan.update_scale), tau = static_cast<pointer>(plan.window_tau);

    for (int own = threadIdx.x; own < owned; own += blockDim.x) {
      const int64_t b = own / units;
      const int unit = first_unit + own % units;
      context[own] = 0;
      if (unit >= D) continue;
      const real slope = at<real>(plan.at_dfeature)[b * D + unit];
      dhidden[own] = slope;
      *ring_of(plan.at_ring_gradient, b, at<int>(plan.at_moves)[moves + b], unit) += slope;
    }
    for (int64_t b = threadIdx.x; b < B; b += blockDim.x) chain[b] = 0;

    for (int64_t t = T - 1; t >= 0; t--) {
      const int64_t n0 = t * B, done = T - 1 - t;
      __syncthreads();
      /*
       * The window of step t, and how much each of its weights' gradients counts for the pointer: the slope of the
       * softmax is linear, so a block adds up one number for each sample instead of one for each slot.
       */
      for (int64_t b = threadIdx.x; b < B; b += blockDim.x) {
        const int64_t first = (n0 + b) * W;
        const pointer *offsets = at<pointer>(plan.at_offsets) + first, *kept = at<pointer>(plan.at_weights) + first;
        pointer mean = 0;
        for (int64_t k = 0; k < W; k++) mean += kept[k] * offsets[k];
        for (int64_t k = 0; k < W; k++) {
          weights[b * W + k] = kept[k];
          leverage[b * W + k] = kept[k] * 2 * (offsets[k] - mean) / tau;
          centers[b * W + k] = at<int>(plan.at_centers)[first + k];
        }
      }
      __syncthreads();
      for (int own = threadIdx.x; own < owned; own += blockDim.x) {
        const int64_t b = own / units;
        const int unit = first_unit + own % units;
        if (unit >= D) continue;
        const pointer h = static_cast<pointer>(at<real>(plan.at_hidden)[(n0 + B + b) * D + unit]);
        real dh = dhidden[own];
        pointer through = 0;
        for (int64_t k = 0; k < W; k++) {
          const real slope = *ring_of(plan.at_ring_gradient, b, centers[b * W + k], unit);
          dh += static_cast<real>(weights[b * W + k] * written) * slope;
          through += leverage[b * W + k] * (written * static_cast<pointer>(slope) * h);
        }
        dhidden[own] = dh;
        through_write[own] = through;
      }

      if (done > 0) {
        ring_await(flags, static_cast<int>(2 * done));
        for (int i = threadIdx.x; i < shares * B; i += blockDim.x) {
          pointer sum = 0;
#pragma unroll 4
          for (int block = i / static_cast<int>(B); block < blocks; block += shares)
            sum += __ldcg(shares_of_blocks + block * B + i % static_cast<int>(B));
          share_sums[i] = sum;
        }
        __syncthreads();
      }
      for (int64_t b = threadIdx.x; b < B; b += blockDim.x) {
        pointer dnext = chain[b];
        if (done > 0)
          for (int i = 0; i < shares; i++) dnext += share_sums[i * B + b];
        chain[b] = move_pointer_backward(t, b, dnext, slopes + POINTER_HEADS * b);
      }
      __syncthreads();

      for (int own = threadIdx.x; own < owned; own += blockDim.x) {
        const int64_t b = own / units;
        const int unit = first_unit + own % units;
        if (unit >= D) continue;
        real dh = dhidden[own], dr, dz, dn, dstate;
        for (int i = 0; i < POINTER_HEADS; i++)
          dh += slopes[POINTER_HEADS * b + i] * ring_operand(heads[i * (D + 1) + unit], plan.format);
        real *gate = at<real>(plan.at_gates) + (n0 + b) * GATES * D + unit;
        const real z = gate[GATE_UPDATE * D];
        R::gru_backward(dh, at<real>(plan.at_hidden)[(n0 + b) * D + unit], gate[GATE_RESET * D], z,
                        gate[GATE_CANDIDATE * D], gate[GATE_STATE * D], &dr, &dz, &dn, &dstate);
        dhidden[own] = dh * z;
        const real slope[GATES] = {dstate, dr, dz, dn};
        for (int g = 0; g < GATES; g++) {
          gate[g * D] = slope[g];
          exchanged[(g * D + unit) * columns + b] = ring_operand(slope[g], plan.format);
        }
      }
      ring_publish(flags, static_cast<int>(2 * done + 1));
      if (fused && done > 0) sensory_step(t + 1);
      ring_await(flags, static_cast<int>(2 * done + 1));
      ring_multiply(ih, rows, exchanged + D * columns, columns, depth, scratch, dmixed);
      if (t > 0) ring_multiply(hh, rows, exchanged, columns, depth, scratch, dbefore);

      for (int own = threadIdx.x; own < owned; own += blockDim.x) {
        const int64_t b = own / units, n = n0 + b;
        const int j = own % units, unit = first_unit + j;
        if (unit >= D) {
          through_write[own] = 0;
          continue;
        }
        const real slope = dmixed[j * columns + b], input = at<real>(plan.at_input)[n * D + unit];
        const real dinput = slope * (1 - input * input);
        at<real>(plan.at_dinput)[n * D + unit] = dinput;
        if (fused) dinputs(t)[static_cast<int64_t>(unit) * columns + b] = ring_operand(dinput, plan.format);
        if (t > 0) dhidden[own] += dbefore[j * columns + b];
        const real *kept = at<real>(plan.at_gathered) + n * W * D + unit;
        pointer through = through_write[own], read = 0;
        for (int64_t k = 0; k < W; k++) {
          const pointer along = static_cast<pointer>(slope) * static_cast<pointer>(kept[k * D]);
          read += weights[b * W + k] * along;
          through += leverage[b * W + k] * (static_cast<pointer>(scale) * along);
          *ring_of(plan.at_ring_gradient, b, centers[b * W + k], unit) +=
              static_cast<real>(weights[b * W + k]) * scale * slope;
        }
        context[own] += static_cast<double>(read);
        through_write[own] = through;
      }
      __syncthreads();
      for (int64_t b = threadIdx.x; b < B; b += blockDim.x) {
        pointer sum = 0;
        for (int j = 0; j < units; j++) sum += through_write[b * units + j];
        shares_of_blocks[blockIdx.x * B + b] = sum;
      }
      ring_publish(flags, static_cast<int>(2 * done + 2));
    }
    if (fused) {
      ring_await(flags, static_cast<int>(2 * T));
      sensory_step(0);
    }
    if (threadIdx.x != 0) return;
    double sum = 0;
    for (int own = 0; own < owned; own++) sum += context[own];
    at<double>(plan.at_context)[blockIdx.x] = sum;
  }
};

#endif
