/*
 * What surrounds the passes: packing the weights, the start of a step, products with vectors, gradients that few rows
 * have a part in, the scale of the loss, and Adam.
 */
#ifndef VRX_RING_UPDATE_CUH
#define VRX_RING_UPDATE_CUH

#include "ring_device.cuh"

__device__ __forceinline__ int64_t ring_thread() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ __forceinline__ int64_t ring_threads() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

/*
 * Copies the weights into the order in which the recurrences read them: for each block one slice, of which the rows of
 * one depth lie side by side, padded with zeros. Done once after the parameters have changed.
 */
template <typename real>
__device__ void ring_pack_body(unsigned char *arena, int count) {
  const ring_plan &plan = ring_plan_of(arena);
  const ring_pack_of *table = ring_at<ring_pack_of>(arena, plan.at_packs);
  for (int64_t e = ring_thread(); e < plan.pack_elements; e += ring_threads()) {
    const ring_pack_of *pack = table;
    for (int i = 1; i < count && table[i].first <= e; i++) pack = table + i;
    const int64_t i = e - pack->first, r = i % pack->rows, k = i / pack->rows % pack->depth;
    const int64_t block = i / (pack->rows * pack->depth), units = pack->units, own = pack->block_units;
    const real *weight = ring_at<real>(arena, plan.at_parameters) + pack->source;
    int64_t from = -1;
    if (pack->kind == RING_PACK_HEADS) {
      from = r * (pack->depth + 1) + k;
    } else if (pack->kind == RING_PACK_FORWARD) {
      const int64_t unit = block * own + r % own;
      if (r < 3 * own && unit < units) from = (r / own * units + unit) * pack->depth + k;
    } else if (pack->kind == RING_PACK_BRIDGE_FORWARD) {
      const int64_t unit = block * own + r;
      if (r < own && unit < units) from = unit * pack->depth + k;
    } else if (pack->kind == RING_PACK_BRIDGE_BACKWARD) {
      const int64_t unit = block * own + r;
      if (r < own && unit < units) from = k * units + unit;
    } else {
      /* The state's gates come as state_n, r, z; the input's as r, z, n. Parameters have r, z, n. */
      const int64_t row = pack->kind == RING_PACK_BACKWARD_INPUT ? k : k < units ? 2 * units + k : k - units;
      const int64_t column = block * own + r;
      if (r < own && column < units) from = row * units + column;
    }
    ring_at<real>(arena, pack->at_packed)[i] = from < 0 ? 0 : ring_operand(weight[from], plan.format);
  }
}

/* Flags, sums and exchanged states of the last step are forgotten; pointers go where the batch says. */
template <typename real, typename pointer>
__device__ void ring_start_body(unsigned char *arena) {
  const ring_plan &plan = ring_plan_of(arena);
  const int64_t i = ring_thread(), threads = ring_threads(), D = plan.slot_dim, S = plan.sensory_dim, columns = plan.columns;
  for (int64_t e = i; e < FLAG_ARRAYS * plan.flag_stride; e += threads) ring_at<int>(arena, plan.at_flags)[e] = 0;
  for (int64_t e = i; e < D * columns; e += threads) ring_at<real>(arena, plan.at_exchange_hidden)[e] = 0;
  for (int64_t e = i; plan.sensory != 0 && e < S * columns; e += threads) ring_at<real>(arena, plan.at_exchange_sensory)[e] = 0;
  for (int64_t e = i; plan.sensory != 0 && plan.fused == 0 && e < plan.sensory_carry; e += threads)
    ring_at<real>(arena, plan.at_sensory_carry)[e] = 0;
  for (int64_t b = i; b < plan.batch; b += threads) {
    ring_at<double>(arena, plan.at_moved)[b] = ring_at<double>(arena, plan.at_raw_moved)[b] = 0;
    ring_at<pointer>(arena, plan.at_pointers)[b] =
        static_cast<pointer>(ring_at<double>(arena, plan.at_unit)[b]) * static_cast<pointer>(plan.ring_len - 1);
  }
}

/* out[n][j] = tanh(weight[j] * x[n] + bias[j]), for `units` of j. */
template <typename real>
__device__ void ring_project_body(unsigned char *arena, int64_t slot, int64_t at_out, int64_t units) {
  const ring_plan &plan = ring_plan_of(arena);
  const real *weight = ring_at<real>(arena, plan.at_parameters) + slot, *x = ring_at<real>(arena, plan.at_x);
  for (int64_t i = ring_thread(); i < plan.synth_len * plan.batch * units; i += ring_threads()) {
    const int64_t j = i % units;
    const real product = ring_operand(weight[j], plan.format) * ring_operand(x[i / units], plan.format);
    ring_at<real>(arena, at_out)[i] = ring_math<real>::tanh(product + weight[units + j]);
  }
}

/* What the sensory cell takes in at steps [begin, end): the input, and its state of sensory_len steps before. */
template <typename real>
__device__ void ring_delay_body(unsigned char *arena, int64_t begin, int64_t end) {
  const ring_plan &plan = ring_plan_of(arena);
  const int64_t row = plan.batch * plan.sensory_dim, delay = (plan.sensory_len - 1) * row;
  const real *hidden = ring_at<real>(arena, plan.at_sensory_hidden);
  for (int64_t i = begin * row + ring_thread(); i < end * row; i += ring_threads())
    ring_at<real>(arena, plan.at_sensory_mixed)[i] =
        ring_at<real>(arena, plan.at_sensory_input)[i] + (i < delay + row ? 0 : hidden[i - delay]);
}
/* Backward: the gradient of what was delayed goes to the state it was. */
template <typename real>
__device__ void ring_delay_backward_body(unsigned char *arena, int64_t begin, int64_t end) {
  const ring_plan &plan = ring_plan_of(arena);
  const int64_t row = plan.batch * plan.sensory_dim, delay = plan.sensory_len * row;
  for (int64_t i = begin * row + ring_thread(); i < end * row; i += ring_threads())
    if (i >= delay)
      ring_at<real>(arena, plan.at_sensory_dhidden)[i - delay] += ring_at<real>(arena, plan.at_sensory_dmixed)[i];
}
/* From the gradients of the sensory inputs to those before their tanh, in place. */
template <typename real>
__device__ void ring_slope_body(unsigned char *arena) {
  const ring_plan &plan = ring_plan_of(arena);
  for (int64_t i = ring_thread(); i < plan.synth_len * plan.batch * plan.sensory_dim; i += ring_threads()) {
    const real u = ring_at<real>(arena, plan.at_sensory_input)[i];
    ring_at<real>(arena, plan.at_sensory_dmixed)[i] *= 1 - u * u;
  }
}

/* One thread for each theta looks through all moves for those that read it, in their order: few do, none may race. */
template <typename real>
__device__ void ring_theta_gradients_body(unsigned char *arena) {
  const ring_plan &plan = ring_plan_of(arena);
  const int64_t slot = ring_thread(), length = plan.ring_len, B = plan.batch;
  if (slot >= length) return;
  const int *slots = ring_at<int>(arena, plan.at_target_slots);
  const real *parts = ring_at<real>(arena, plan.at_target_gradients);
  const int64_t before = slot == 0 ? length - 1 : slot - 1;
  real target = 0, gate = 0;
  for (int64_t t = 0; t < plan.synth_len; t += plan.move_every) {
    for (int64_t n = t * B; n < (t + 1) * B; n++) {
      const int64_t read = slots[n];
      if (read == slot) target += parts[4 * n], gate += parts[4 * n + 2];
      if (read == before) target += parts[4 * n + 1], gate += parts[4 * n + 3];
    }
  }
  ring_at<real>(arena, plan.at_gradients)[plan.slot_theta + slot] = target;
  ring_at<real>(arena, plan.at_gradients)[plan.slot_gate + slot] = gate;
}

/* The gradient of the context's share, and which parameters this batch gave gradients to. One block. */
template <typename real>
__device__ void ring_conclude_body(unsigned char *arena, int64_t without_pointer, int64_t idle_first, int64_t idle_end,
                                   int64_t pointer_first, int64_t pointer_end) {
  const ring_plan &plan = ring_plan_of(arena);
  int *present = ring_at<int>(arena, plan.at_present);
  for (int64_t s = threadIdx.x; s < plan.slot_count; s += blockDim.x) {
    bool has = s < idle_first || s >= idle_end;
    if (without_pointer != 0 && (s < 2 || (s >= pointer_first && s < pointer_end))) has = false;
    if (s >= plan.first_readout_slot) {
      has = false;
      for (int64_t b = 0; b < plan.batch && !has; b++) {
        const int64_t last = ring_at<int>(arena, plan.at_moves)[(plan.synth_len - 1) * plan.batch + b];
        has = last % plan.experts == (s - plan.first_readout_slot) / 2;
      }
    }
    present[s] = has ? 1 : 0;
  }
  if (threadIdx.x != 0) return;
  double sum = 0;
  for (int64_t block = 0; block < plan.blocks; block++) sum += ring_at<double>(arena, plan.at_context)[block];
  const real scale = ring_math<real>::sigmoid(ring_at<real>(arena, plan.at_parameters)[plan.slot_context]);
  ring_at<real>(arena, plan.at_gradients)[plan.slot_context] = static_cast<real>(sum) * scale * (1 - scale);
  ring_at<double>(arena, plan.at_scaler)[SCALER_OVERFLOW] = 0;
}

/* Takes the scale of the loss out of the gradients, and notes whether one of them is not finite. */
template <typename real>
__device__ void ring_unscale_body(unsigned char *arena) {
  const ring_plan &plan = ring_plan_of(arena);
  double *scaler = ring_at<double>(arena, plan.at_scaler);
  real *gradients = ring_at<real>(arena, plan.at_gradients);
  const real inverse = static_cast<real>(1 / scaler[SCALER_SCALE]);
  for (int64_t i = ring_thread(); i < plan.parameter_count; i += ring_threads()) {
    const real gradient = gradients[i] * inverse;
    gradients[i] = gradient;
    /* Whoever finds one writes the same. */
    if (!isfinite(gradient)) *static_cast<volatile double *>(scaler + SCALER_OVERFLOW) = 1;
  }
}

/* Adam on the parameters that got a gradient; one block for each range, which lies within one parameter. */
template <typename real>
__device__ void ring_adam_body(unsigned char *arena) {
  __shared__ double shared_rate, shared_correction;
  const ring_plan &plan = ring_plan_of(arena);
  const ring_range range = ring_at<ring_range>(arena, plan.at_ranges)[blockIdx.x];
  if (ring_at<int>(arena, plan.at_present)[range.slot] == 0) return;
  if (ring_at<double>(arena, plan.at_scaler)[SCALER_OVERFLOW] != 0) return;
  if (threadIdx.x == 0) {
    const double updates = static_cast<double>(ring_at<int>(arena, plan.at_updates)[range.slot]) + 1;
    shared_rate = plan.learning_rate / (1 - pow(plan.beta1, updates));
    shared_correction = sqrt(1 - pow(plan.beta2, updates));
  }
  __syncthreads();
  const real rate = static_cast<real>(shared_rate), correction = static_cast<real>(shared_correction);
  const real beta1 = static_cast<real>(plan.beta1), rest1 = static_cast<real>(1 - plan.beta1);
  const real beta2 = static_cast<real>(plan.beta2), rest2 = static_cast<real>(1 - plan.beta2);
  const real epsilon = static_cast<real>(plan.epsilon);
  real *p = ring_at<real>(arena, plan.at_parameters), *g = ring_at<real>(arena, plan.at_gradients);
  real *m = ring_at<real>(arena, plan.at_first_moment), *v = ring_at<real>(arena, plan.at_second_moment);
  for (int64_t i = range.begin + threadIdx.x; i < range.end; i += blockDim.x) {
    m[i] = beta1 * m[i] + rest1 * g[i];
    v[i] = beta2 * v[i] + rest2 * (g[i] * g[i]);
    p[i] -= rate * m[i] / (static_cast<real>(sqrt(v[i])) / correction + epsilon);
  }
}

/* Counts the updates, and moves the scale of the loss where there is one (`grow_every` > 0). One block. */
__device__ __forceinline__ void ring_count_body(unsigned char *arena, int64_t grow_every, double growth, double backoff) {
  const ring_plan &plan = ring_plan_of(arena);
  double *scaler = ring_at<double>(arena, plan.at_scaler);
  const bool skipped = scaler[SCALER_OVERFLOW] != 0;
  const int *present = ring_at<int>(arena, plan.at_present);
  int *updates = ring_at<int>(arena, plan.at_updates);
  for (int64_t s = threadIdx.x; s < plan.slot_count; s += blockDim.x) updates[s] += !skipped && present[s] != 0 ? 1 : 0;
  if (threadIdx.x != 0 || grow_every == 0) return;
  if (skipped) {
    scaler[SCALER_SCALE] *= backoff;
    scaler[SCALER_GOOD_STEPS] = 0;
    scaler[SCALER_SKIPPED] += 1;
  } else if ((scaler[SCALER_GOOD_STEPS] += 1) >= static_cast<double>(grow_every)) {
    scaler[SCALER_SCALE] *= growth;
    scaler[SCALER_GOOD_STEPS] = 0;
  }
}

/*
 * Clears the rows that the step has touched, of the ring and, after a backward pass, of its gradient: one block for each
 * row of a window, and one for each row that was read out.
 */
template <typename real>
__device__ void ring_erase_body(unsigned char *arena, int64_t with_gradient) {
  const ring_plan &plan = ring_plan_of(arena);
  const int64_t width = 2 * plan.radius + 1, rows = plan.synth_len * plan.batch * width, i = blockIdx.x;
  const int64_t b = i < rows ? i / width % plan.batch : i - rows;
  const int64_t slot = i < rows ? ring_at<int>(arena, plan.at_centers)[i]
                                : ring_at<int>(arena, plan.at_moves)[(plan.synth_len - 1) * plan.batch + b];
  const int64_t first = (b * plan.ring_len + slot) * plan.slot_dim;
  for (int64_t j = threadIdx.x; j < plan.slot_dim; j += blockDim.x) {
    ring_at<real>(arena, plan.at_ring)[first + j] = 0;
    if (with_gradient != 0) ring_at<real>(arena, plan.at_ring_gradient)[first + j] = 0;
  }
}

#endif
