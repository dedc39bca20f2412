/* Kernels that use every part of the language that the fake driver has, and some that are wrong. */
#include "vrx_cuda.h"

extern "C" __global__ void saxpy(float *y, const float *x, float a, uint32_t n) {
  uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = fmaf(a, x[i], y[i]);
}
VRX_KERNEL(saxpy);

/* Three dimensions, into one number for each thread. */
extern "C" __global__ void places(uint32_t *out) {
  uint32_t block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  uint32_t thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block << 16 | thread;
}
VRX_KERNEL(places);

/* Reverses each block's part through shared memory of either kind; `barrier` 0 leaves out what it needs. */
template <class T>
static __device__ void reverse_in(T *tile, T *data, uint32_t barrier) {
  data += blockIdx.x * blockDim.x;
  tile[threadIdx.x] = data[threadIdx.x];
  if (barrier) __syncthreads();
  data[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}
extern "C" __global__ void reverse_static(uint32_t *data, uint32_t barrier) {
  __shared__ uint32_t tile[256];
  reverse_in(tile, data, barrier);
}
VRX_KERNEL(reverse_static);
extern "C" __global__ void reverse_dynamic(uint32_t *data, uint32_t barrier) {
  VRX_DYNAMIC_SHARED(uint32_t, tile);
  reverse_in(tile, data, barrier);
}
VRX_KERNEL(reverse_dynamic);

/* Warp-wide operations: 16 results of each thread. */
extern "C" __global__ void warps(uint32_t *out) {
  uint32_t lane = threadIdx.x & 31, all = 0xffffffffu, *mine = out + threadIdx.x * 16;
  mine[0] = __shfl_sync(all, lane * 3, 5);
  mine[1] = __shfl_up_sync(all, lane, 2);
  mine[2] = __shfl_down_sync(all, lane, 3);
  mine[3] = __shfl_xor_sync(all, lane, 9);
  mine[4] = __shfl_xor_sync(all, lane, 3, 8);
  mine[5] = __ballot_sync(all, lane % 3 == 0);
  mine[6] = static_cast<uint32_t>(__any_sync(all, lane == 31)) * 2 + static_cast<uint32_t>(__all_sync(all, lane < 31));
  mine[7] = __reduce_add_sync(all, lane);
  mine[8] = __match_any_sync(all, lane % 4);
  /* Both halves of the warp on ways of their own. */
  if (lane < 16)
    mine[9] = __shfl_sync(0x0000ffffu, lane, 7);
  else
    mine[9] = __shfl_sync(0xffff0000u, lane, 20);
  uint64_t wide = __shfl_sync(all, static_cast<unsigned long long>(lane) << 40, 11);
  mine[10] = static_cast<uint32_t>(wide >> 40);
  mine[11] = static_cast<uint32_t>(__syncthreads_count(threadIdx.x % 5 == 0));
  mine[12] = static_cast<uint32_t>(__syncthreads_or(threadIdx.x == 40)) * 2 +
             static_cast<uint32_t>(__syncthreads_and(threadIdx.x != 40));
  mine[13] = __funnelshift_r(0x12345678u, 0x9abcdef0u, 12);
  mine[14] = __byte_perm(0x33221100u, 0x77665544u, 0x7531);
  mine[15] = static_cast<uint32_t>(__popc(lane) + __clz(static_cast<int>(lane)) + __ffs(static_cast<int>(lane))) + __brev(1);
}
VRX_KERNEL(warps);

/* A histogram by atomics, and the largest value. */
extern "C" __global__ void count(const uint32_t *data, uint32_t n, uint32_t *bins, float *sum) {
  uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  atomicAdd(&bins[data[i] % 16], 1u);
  atomicMax(&bins[16], data[i]);
  atomicAdd(sum, 0.5f);
}
VRX_KERNEL(count);

/* A sum over the whole grid in two steps, which needs all blocks to meet. */
extern "C" __global__ void grid_sum(const uint32_t *data, uint32_t *partial, uint32_t *out) {
  __shared__ uint32_t sum;
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  atomicAdd(&sum, data[blockIdx.x * blockDim.x + threadIdx.x]);
  __syncthreads();
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
  vrx_grid_sync();
  uint32_t all = 0;
  for (uint32_t i = 0; i < gridDim.x; i++) all += partial[i];
  /* Shared memory is still the block's own. */
  if (threadIdx.x == 0) out[blockIdx.x] = all + sum;
}
VRX_KERNEL(grid_sum);

/* The first block waits for the last one to write. */
extern "C" __global__ void handshake(volatile uint32_t *flag, uint32_t *out) {
  if (blockIdx.x == gridDim.x - 1) *flag = 42;
  if (blockIdx.x != 0) return;
  while (*flag == 0) vrx_relax();
  *out = *flag;
}
VRX_KERNEL(handshake);

extern "C" __global__ void halves(const float *in, uint32_t *out, uint32_t n) {
  uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  __half h = __float2half_rn(in[i]);
  __nv_bfloat16 b = __float2bfloat16_rn(in[i]);
  out[4 * i] = __half_as_ushort(h);
  out[4 * i + 1] = __float_as_uint(__half2float(h));
  out[4 * i + 2] = __bfloat16_as_ushort(b);
  out[4 * i + 3] = __float_as_uint(__bfloat162float(b));
}
VRX_KERNEL(halves);

__device__ uint32_t counter = 5;
VRX_VARIABLE(counter);
extern "C" __global__ void next(uint32_t *out) { *out = atomicAdd(&counter, 1u); }
VRX_KERNEL(next);

/* Wrong on purpose. */
extern "C" __global__ void write_at(uint8_t *data, uint64_t offset) { data[offset] = 1; }
VRX_KERNEL(write_at);
/* The first thread waits for its warp, which waits for it at another place. */
extern "C" __global__ void half_a_barrier() {
  if (threadIdx.x == 0) __syncwarp(0xffffffffu);
  __syncthreads();
}
VRX_KERNEL(half_a_barrier);
extern "C" __global__ void fail_assert(uint32_t x) {
  assert(x == 1);
  (void)x;
}
VRX_KERNEL(fail_assert);
extern "C" __global__ void divide(uint32_t *x, uint32_t by) { *x = 7 / by; }
VRX_KERNEL(divide);
static __device__ __noinline__ uint32_t deep(uint32_t depth) {
  volatile uint8_t local[4000];
  local[depth % 4000] = 1;
  return (depth > 0 ? deep(depth - 1) : 0) + local[depth % 4000];
}
extern "C" __global__ void recurse(uint32_t depth, uint32_t *out) { *out = deep(depth); }
VRX_KERNEL(recurse);
extern "C" __global__ void meet_without_leave() { vrx_grid_sync(); }
VRX_KERNEL(meet_without_leave);
