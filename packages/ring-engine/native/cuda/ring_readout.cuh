/*
 * The read-out: the expert head of the pointer's last slot on ring row plus state, cross-entropy, and their gradients.
 */
#ifndef VRX_RING_READOUT_CUH
#define VRX_RING_READOUT_CUH

#include "ring_device.cuh"

enum { READOUT_THREADS = 128, READOUT_CLASSES = READOUT_THREADS / 32 };

__device__ __forceinline__ int64_t ring_last_slot(unsigned char *arena, const ring_plan &plan, int64_t b) {
  return ring_at<int>(arena, plan.at_moves)[(plan.synth_len - 1) * plan.batch + b];
}
/* Where the head that sample b uses lies among the parameters: weight [C, D], then bias [C]. */
__device__ __forceinline__ int64_t ring_head_of(unsigned char *arena, const ring_plan &plan, int64_t b) {
  return plan.slot_readout + ring_last_slot(arena, plan, b) % plan.experts * (plan.classes * plan.slot_dim + plan.classes);
}

/* One sample and READOUT_CLASSES classes for each block, 32 threads for each class. */
template <typename real>
__device__ void ring_logits_body(unsigned char *arena) {
  __shared__ real parts[READOUT_THREADS];
  const ring_plan &plan = ring_plan_of(arena);
  const int64_t D = plan.slot_dim, C = plan.classes, groups = (C + READOUT_CLASSES - 1) / READOUT_CLASSES;
  const int64_t b = blockIdx.x / groups, c = blockIdx.x % groups * READOUT_CLASSES + threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const real *head = ring_at<real>(arena, plan.at_parameters) + ring_head_of(arena, plan, b);
  const real *h = ring_at<real>(arena, plan.at_hidden) + (plan.synth_len * plan.batch + b) * D;
  const real *row = ring_at<real>(arena, plan.at_ring) + (b * plan.ring_len + ring_last_slot(arena, plan, b)) * D;
  real *feature = ring_at<real>(arena, plan.at_feature) + b * D;
  if (blockIdx.x % groups == 0)
    for (int64_t j = threadIdx.x; j < D; j += READOUT_THREADS) feature[j] = h[j] + row[j];
  real sum = 0;
  if (c < C)
    for (int64_t j = lane; j < D; j += 32)
      sum += ring_operand(h[j] + row[j], plan.format) * ring_operand(head[c * D + j], plan.format);
  parts[threadIdx.x] = sum;
  __syncthreads();
  if (lane != 0 || c >= C) return;
  for (int i = 1; i < 32; i++) sum += parts[threadIdx.x + i];
  ring_at<real>(arena, plan.at_logits)[b * C + c] = sum + head[C * D + c];
}

/* One block for each sample: its loss, and the gradients of its logits times the scale of the loss. */
template <typename real>
__device__ void ring_loss_body(unsigned char *arena) {
  __shared__ double parts[READOUT_THREADS];
  const ring_plan &plan = ring_plan_of(arena);
  const int64_t C = plan.classes, b = blockIdx.x;
  const real *logits = ring_at<real>(arena, plan.at_logits) + b * C;
  const int label = ring_at<int>(arena, plan.at_targets)[b];
  double largest = -INFINITY, sum = 0;
  for (int64_t c = 0; c < C; c++) largest = static_cast<double>(logits[c]) > largest ? static_cast<double>(logits[c]) : largest;
  for (int64_t c = threadIdx.x; c < C; c += READOUT_THREADS) sum += exp(static_cast<double>(logits[c]) - largest);
  parts[threadIdx.x] = sum;
  __syncthreads();
  sum = 0;
  for (int i = 0; i < READOUT_THREADS; i++) sum += parts[i];
  if (threadIdx.x == 0) ring_at<double>(arena, plan.at_losses)[b] = log(sum) + largest - static_cast<double>(logits[label]);
  const double share = ring_at<double>(arena, plan.at_scaler)[SCALER_SCALE] / static_cast<double>(plan.batch);
  for (int64_t c = threadIdx.x; c < C; c += READOUT_THREADS) {
    const double share_of_class = exp(static_cast<double>(logits[c]) - largest) / sum;
    ring_at<real>(arena, plan.at_dlogits)[b * C + c] = static_cast<real>((share_of_class - (c == label ? 1 : 0)) * share);
  }
}

/* One thread for each sample and unit: the gradient of what the head read. */
template <typename real>
__device__ void ring_dfeature_body(unsigned char *arena) {
  const ring_plan &plan = ring_plan_of(arena);
  const int64_t D = plan.slot_dim, C = plan.classes;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x, b = i / D, j = i % D;
  if (b >= plan.batch) return;
  const real *head = ring_at<real>(arena, plan.at_parameters) + ring_head_of(arena, plan, b);
  const real *slopes = ring_at<real>(arena, plan.at_dlogits) + b * C;
  real sum = 0;
#pragma unroll 8
  for (int64_t c = 0; c < C; c++)
    sum += ring_operand(slopes[c], plan.format) * ring_operand(head[c * D + j], plan.format);
  ring_at<real>(arena, plan.at_dfeature)[i] = sum;
}

/* One thread for each parameter of the heads: sums over the samples that used the head, in their order. */
template <typename real>
__device__ void ring_head_gradients_body(unsigned char *arena) {
  const ring_plan &plan = ring_plan_of(arena);
  const int64_t D = plan.slot_dim, C = plan.classes, head = C * D + C;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x, expert = i / head, at = i % head;
  if (expert >= plan.experts) return;
  const bool of_bias = at >= C * D;
  const int64_t c = of_bias ? at - C * D : at / D, j = of_bias ? 0 : at % D;
  real sum = 0;
  for (int64_t b = 0; b < plan.batch; b++) {
    if (ring_last_slot(arena, plan, b) % plan.experts != expert) continue;
    const real slope = ring_at<real>(arena, plan.at_dlogits)[b * C + c];
    const real feature = ring_at<real>(arena, plan.at_feature)[b * D + j];
    sum += of_bias ? slope : ring_operand(slope, plan.format) * ring_operand(feature, plan.format);
  }
  ring_at<real>(arena, plan.at_gradients)[plan.slot_readout + i] = sum;
}

/* Telemetry: the column of the projection along which the state points most. One thread for each row that is watched. */
template <typename real>
__device__ void ring_modes_body(unsigned char *arena) {
  const ring_plan &plan = ring_plan_of(arena);
  const int64_t D = plan.slot_dim, watched = plan.watched < plan.batch ? plan.watched : plan.batch;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= plan.synth_len * watched) return;
  const int64_t n = i / watched * plan.batch + i % watched;
  const real *h = ring_at<real>(arena, plan.at_hidden) + (n + plan.batch) * D;
  const real *projection = ring_at<real>(arena, plan.at_projection);
  real largest = 0;
  int mode = 0;
  for (int64_t c = 0; c < plan.directions; c++) {
    real score = 0;
    for (int64_t j = 0; j < D; j++) score += h[j] * projection[j * plan.directions + c];
    if (c == 0 || score > largest) largest = score, mode = static_cast<int>(c);
  }
  ring_at<int>(arena, plan.at_modes)[n] = mode;
}

#endif
