/*
 * What all kernels share: the scalar mathematics of native/ring_math.h under one name for both precisions, operands
 * in low precision, shared memory, the exchange among the blocks of a recurrence, and their small products.
 */
#ifndef VRX_RING_DEVICE_CUH
#define VRX_RING_DEVICE_CUH

#include "vrx_cuda.h"

#include "ring_plan.h"

#define RM_FN static __device__ __forceinline__ __attribute__((unused))
/* Not static: see buildImages in tools/workspace/kernels/build.mjs. */
#define RM_FAR_FN __device__ __noinline__ __attribute__((unused))
#define RM_REAL float
#define RM_F64 0
#define RM_SUFFIX f32
#include "../ring_math.h"
#define RM_REAL double
#define RM_F64 1
#define RM_SUFFIX f64
#include "../ring_math.h"

template <typename real>
struct ring_math;

#define RING_MATH(real, suffix)                                                                                        \
  template <>                                                                                                          \
  struct ring_math<real> {                                                                                             \
    typedef rm_pointer_input_##suffix pointer_input;                                                                   \
    typedef rm_pointer_update_##suffix pointer_update;                                                                 \
    static __device__ __forceinline__ real sigmoid(real x) { return rm_sigmoid_##suffix(x); }                          \
    static __device__ __forceinline__ real tanh(real x) { return rm_tanh_##suffix(x); }                                \
    static __device__ __forceinline__ int slot_of(real p, int ring_len) { return rm_slot_of_##suffix(p, ring_len); }   \
    static __device__ __forceinline__ real gru(const real *in, const real *state, real h, real *r, real *z, real *n) { \
      return rm_gru_##suffix(in[0], in[1], in[2], state[0], state[1], state[2], h, r, z, n);                           \
    }                                                                                                                  \
    static __device__ __forceinline__ void gru_backward(real dh, real h, real r, real z, real n, real state_n,         \
                                                        real *dr, real *dz, real *dn, real *state_dn) {                \
      rm_gru_backward_##suffix(dh, h, r, z, n, state_n, dr, dz, dn, state_dn);                                         \
    }                                                                                                                  \
    static __device__ __forceinline__ void window(real p, int ring_len, int radius, real tau, int *centers,            \
                                                  real *weights, real *offsets) {                                      \
      rm_window_##suffix(p, ring_len, radius, tau, centers, weights, offsets);                                         \
    }                                                                                                                  \
    static __device__ __forceinline__ pointer_update pointer_forward(real p, pointer_input in, real len, real tau) {   \
      return rm_pointer_forward_##suffix(p, in, len, tau);                                                             \
    }                                                                                                                  \
    static __device__ __forceinline__ real pointer_backward(real dnew, pointer_input in, pointer_update u, real tau,   \
                                                            pointer_input *grad) {                                     \
      return rm_pointer_backward_##suffix(dnew, in, u, tau, grad);                                                     \
    }                                                                                                                  \
  };
RING_MATH(float, f32)
RING_MATH(double, f64)
#undef RING_MATH

/* An operand of a product, as the format of the products keeps it. */
__device__ __forceinline__ float ring_operand(float x, int64_t format) {
  if (format == 1) return __half2float(__float2half_rn(x));
  if (format == 2) return __bfloat162float(__float2bfloat16_rn(x));
  return x;
}
__device__ __forceinline__ double ring_operand(double x, int64_t) { return x; }

template <typename T>
__device__ __forceinline__ T *ring_at(unsigned char *arena, int64_t at) {
  return reinterpret_cast<T *>(arena + at);
}
__device__ __forceinline__ const ring_plan &ring_plan_of(const unsigned char *arena) {
  return *reinterpret_cast<const ring_plan *>(arena);
}

/* Hands out the launch's shared memory; the host counts the same pieces (src/internal/cuda-launches.ts). */
struct ring_carver {
  unsigned char *next, *end;
  __device__ ring_carver(unsigned char *begin, int64_t bytes) : next(begin), end(begin + bytes) {}
  template <typename T>
  __device__ T *take(int64_t count) {
    T *taken = reinterpret_cast<T *>(next);
    next += (count * static_cast<int64_t>(sizeof(T)) + 15) / 16 * 16;
    if (next > end) __trap();
    return taken;
  }
};

/* Four values that lie side by side, aligned to their size or to 16 bytes. */
__device__ __forceinline__ void ring_load4(const float *from, float *to) {
  float4 v = *reinterpret_cast<const float4 *>(from);
  to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
}
__device__ __forceinline__ void ring_load4(const double *from, double *to) {
  double2 v = *reinterpret_cast<const double2 *>(from), w = *reinterpret_cast<const double2 *>(from + 2);
  to[0] = v.x, to[1] = v.y, to[2] = w.x, to[3] = w.y;
}
/* The same of what other blocks have written: from the level of memory that all blocks see. */
__device__ __forceinline__ void ring_receive4(const float *from, float *to) {
  float4 v = __ldcg(reinterpret_cast<const float4 *>(from));
  to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
}
__device__ __forceinline__ void ring_receive4(const double *from, double *to) {
  double2 v = __ldcg(reinterpret_cast<const double2 *>(from)), w = __ldcg(reinterpret_cast<const double2 *>(from + 2));
  to[0] = v.x, to[1] = v.y, to[2] = w.x, to[3] = w.y;
}

/*
 * The blocks of a recurrence tell each other how far they are, each by a flag of its own that only grows: no atomics,
 * and one trip through the L2 cache each way. What a block wrote before ring_publish is seen by those whose ring_await
 * for that epoch has returned. All threads of the block take part in both; both are barriers of the block.
 */
__device__ __forceinline__ void ring_publish(int *flags, int epoch) {
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    *static_cast<volatile int *>(flags + blockIdx.x) = epoch;
  }
}
__device__ __forceinline__ void ring_await(const int *flags, int epoch) {
  for (int block = threadIdx.x; block < static_cast<int>(gridDim.x); block += blockDim.x)
    while (*static_cast<const volatile int *>(flags + block) < epoch) vrx_relax();
  __threadfence();
  __syncthreads();
}

/*
 * out[r][b] = sum over k of weights[k][r] * received[k][b], for all r < rows and b < columns, by the whole block.
 *
 * `rows` is a multiple of 4; `columns` is 4, 8 or a multiple of 16. `received` is in global memory and comes from other
 * blocks: each warp reads its share of the depth straight from the L2 cache, since no other warp of the block needs it.
 * A lane sums a tile of 4 rows by 4 columns; lanes that tiles leave over, and all warps, split the depth. `scratch` has
 * 16 values for each thread. Every sum has one order, which the launch's dimensions decide. Ends with a barrier.
 */
template <typename real>
__device__ __noinline__ void ring_multiply(const real *weights, int rows, const real *received, int columns, int depth, real *scratch,
                              real *out) {
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  const int column_groups = columns < 16 ? columns / 4 : 4;
  for (int row0 = 0, tile_rows; row0 < rows; row0 += tile_rows) {
    tile_rows = rows - row0 >= 32 ? 32 : rows - row0 >= 16 ? 16 : rows - row0 >= 8 ? 8 : 4;
    const int tiles = tile_rows / 4 * column_groups, parts = 32 / tiles;
    const int tile = lane % tiles, part = lane / tiles;
    const int row = row0 + tile / column_groups * 4, column = tile % column_groups * 4;
    for (int column0 = 0; column0 < columns; column0 += 4 * column_groups) {
      real sum[16];
#pragma unroll
      for (int i = 0; i < 16; i++) sum[i] = 0;
#pragma unroll 6
      for (int k = warp * parts + part; k < depth; k += warps * parts) {
        real w[4], s[4];
        ring_receive4(received + static_cast<int64_t>(k) * columns + column0 + column, s);
        ring_load4(weights + static_cast<int64_t>(k) * rows + row, w);
#pragma unroll
        for (int i = 0; i < 16; i++) sum[i] += w[i / 4] * s[i % 4];
      }
#pragma unroll
      for (int i = 0; i < 16; i++) scratch[(warp * 16 + i) * 32 + lane] = sum[i];
      __syncthreads();
      /* First over the warps, 16 sums for each lane, then over the lanes that share a tile. */
      for (int q = threadIdx.x; q < 16 * 32; q += blockDim.x) {
        real total = scratch[q];
        for (int p = 1; p < warps; p++) total += scratch[p * 16 * 32 + q];
        scratch[q] = total;
      }
      __syncthreads();
      for (int q = threadIdx.x; q < 16 * tiles; q += blockDim.x) {
        const int its_tile = q % tiles, i = q / tiles;
        real total = 0;
        for (int p = 0; p < parts; p++) total += scratch[i * 32 + p * tiles + its_tile];
        const int its_row = row0 + its_tile / column_groups * 4 + i / 4;
        out[its_row * columns + column0 + its_tile % column_groups * 4 + i % 4] = total;
      }
      __syncthreads();
    }
  }
}

/* A block's slice of packed weights: in shared memory where it fits, else where it is. */
template <typename real>
__device__ __noinline__ const real *ring_slice(const real *packed, int64_t count, bool resident, ring_carver &carver) {
  if (!resident) return packed;
  real *slice = carver.take<real>(count);
#pragma unroll 4
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) slice[i] = packed[i];
  return slice;
}

#endif
