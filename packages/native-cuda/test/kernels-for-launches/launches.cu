/* Kernels that tests of launches need: every kind of parameter, barriers of the grid, and some that fail. */
#include "vrx_cuda.h"

extern "C" __global__ void saxpy(float *y, const float *x, float a, uint32_t n) {
  uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = fmaf(a, x[i], y[i]);
}
VRX_KERNEL(saxpy);

/* Writes down what it was given. */
extern "C" __global__ void echo(uint64_t *out, uint32_t u, int32_t i, uint64_t ul, int64_t il, float f, double d) {
  out[0] = u;
  out[1] = static_cast<uint64_t>(static_cast<int64_t>(i));
  out[2] = ul;
  out[3] = static_cast<uint64_t>(il);
  out[4] = static_cast<uint64_t>(f * 8);
  out[5] = static_cast<uint64_t>(d * 8);
}
VRX_KERNEL(echo);

extern "C" __global__ void is_null(uint32_t *out, const void *pointer) { *out = pointer == nullptr; }
VRX_KERNEL(is_null);

/* Every block sees what all blocks wrote before the barrier. */
extern "C" __global__ void meet(uint32_t *seen, uint32_t *out) {
  if (threadIdx.x == 0) seen[blockIdx.x] = blockIdx.x + 1;
  vrx_grid_sync();
  uint32_t sum = 0;
  for (uint32_t block = 0; block < gridDim.x; block++) sum += seen[block];
  if (threadIdx.x == 0) out[blockIdx.x] = sum;
}
VRX_KERNEL(meet);

extern "C" __global__ void reverse(uint32_t *data) {
  VRX_DYNAMIC_SHARED(uint32_t, tile);
  tile[threadIdx.x] = data[threadIdx.x];
  __syncthreads();
  data[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}
VRX_KERNEL(reverse);

extern "C" __global__ void increment(uint32_t *data) { data[0] += 1; }
VRX_KERNEL(increment);

/* Wrong on purpose: writes outside of its buffer. */
extern "C" __global__ void stray(uint8_t *data, uint64_t offset) { data[offset] = 1; }
VRX_KERNEL(stray);
