/*
 * How fast this card does the operations that vrx's other kernels are made of, with nothing but registers in the way: the
 * ceilings that results are given as a share of. Every kernel repeats `iterations` times a body of a known number of
 * operations on values that depend on each other only within one of eight chains, so that latency is covered.
 *
 * Results go to `results`, one per thread, unless that is null, as it is while time is taken: the compiler cannot know, and
 * a test can see that the operations are done.
 */
#include "vrx_cuda.h"

#include "../native/sha256.h"

/* Chains in a thread, and operations of a chain in the body; operations per thread and iteration are their product. */
enum { CHAINS = 8, DEPTH = 16 };

static __device__ __forceinline__ uint32_t thread_of_all() { return blockIdx.x * blockDim.x + threadIdx.x; }

static __device__ __forceinline__ uint32_t seed_of(uint32_t chain) {
  return thread_of_all() * 2654435761u + chain * 40503u + 1u;
}

/* One kernel of integers: OPERATION changes x[c], and may read y[c] and z. */
#define INTEGER_CEILING(name, OPERATION)                                                     \
  extern "C" __global__ void __launch_bounds__(256) name(uint32_t iterations, uint32_t *results) { \
    uint32_t x[CHAINS], y[CHAINS], z = seed_of(97);                                            \
    _Pragma("unroll") for (int c = 0; c < CHAINS; c++) {                                       \
      x[c] = seed_of(static_cast<uint32_t>(c));                                                \
      y[c] = seed_of(static_cast<uint32_t>(c) + 31u);                                          \
    }                                                                                          \
    for (uint32_t i = 0; i < iterations; i++) {                                                \
      _Pragma("unroll") for (int d = 0; d < DEPTH; d += 2) {                                   \
        _Pragma("unroll") for (int c = 0; c < CHAINS; c++) { OPERATION(x[c], y[c], z) }        \
        _Pragma("unroll") for (int c = 0; c < CHAINS; c++) { OPERATION(y[c], x[c], z) }        \
      }                                                                                        \
    }                                                                                          \
    uint32_t all = 0;                                                                          \
    _Pragma("unroll") for (int c = 0; c < CHAINS; c++) all += x[c] ^ y[c];                     \
    if (results != nullptr) results[thread_of_all()] = all;                                    \
  }                                                                                            \
  VRX_KERNEL(name)

#define ADD3(a, b, c) a = a + b + c;
#define LOGIC3(a, b, c) a = (a | b) ^ c;
#define ROTATE(a, b, c) a = __funnelshift_r(a, b, 7 + (c & 8));
#define MULTIPLY_ADD(a, b, c) a = a * b + c;
INTEGER_CEILING(vrx_ceiling_add, ADD3);
INTEGER_CEILING(vrx_ceiling_logic, LOGIC3);
INTEGER_CEILING(vrx_ceiling_shift, ROTATE);
INTEGER_CEILING(vrx_ceiling_multiply, MULTIPLY_ADD);

/* Compressions of SHA-256 without memory: what a tree hash could do at most. Each iteration is one. */
extern "C" __global__ void __launch_bounds__(128) vrx_ceiling_sha256(uint32_t iterations, uint32_t *results) {
  vrx_sha256_state s = vrx_sha256_begin();
  uint32_t w[16];
  s.word[0] ^= seed_of(0);
#pragma unroll 1
  for (uint32_t i = 0; i < iterations; i++) {
#pragma unroll
    for (int j = 0; j < 16; j++) w[j] = s.word[j & 7] + static_cast<uint32_t>(j);
    vrx_sha256_compress(&s, w);
  }
  if (results != nullptr) results[thread_of_all()] = s.word[0];
}
VRX_KERNEL(vrx_ceiling_sha256);

/* Fused multiply-adds, counted as two operations each by who reads the time. */
extern "C" __global__ void __launch_bounds__(256) vrx_ceiling_fma(uint32_t iterations, uint32_t *results) {
  float x[CHAINS], a = 1.0f - 1e-7f * static_cast<float>(threadIdx.x), b = 1e-7f * static_cast<float>(blockIdx.x + 1);
#pragma unroll
  for (int c = 0; c < CHAINS; c++) x[c] = static_cast<float>(threadIdx.x + c);
  for (uint32_t i = 0; i < iterations; i++) {
#pragma unroll
    for (int d = 0; d < DEPTH; d++) {
#pragma unroll
      for (int c = 0; c < CHAINS; c++) x[c] = fmaf(x[c], a, b);
    }
  }
  float all = 0;
#pragma unroll
  for (int c = 0; c < CHAINS; c++) all += x[c];
  if (results != nullptr) results[thread_of_all()] = __float_as_uint(all);
}
VRX_KERNEL(vrx_ceiling_fma);
