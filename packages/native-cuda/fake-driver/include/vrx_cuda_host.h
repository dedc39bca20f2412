/*
 * CUDA's language for a C++17 compiler, as far as vrx's kernels use it. Threads are fibres of the fake driver, which
 * run one at a time: a thread goes on until it meets a barrier, a warp-wide operation, vrx_relax() or its end. That is a
 * legal order of execution on a GPU, and the one that shows a missing barrier best. Not here: tensor cores, inline PTX,
 * clusters, textures.
 *
 * Each image is loaded once per module, so the names with static storage below are the module's own.
 */
#ifndef VRX_CUDA_HOST_H
#define VRX_CUDA_HOST_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <chrono>
#include <type_traits>
#include <utility>

#include "vrx_host_image.h"
#include "vrx_host_half.h"

#define __global__
#define __device__
#define __host__
#define __constant__ static const
/*
 * Shared memory is the image's thread-local storage: one block for all of it, whose place the driver knows and whose
 * content it exchanges with the block that runs.
 */
#define __shared__ static thread_local
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __maxnreg__(n)
#define __align__(n) __attribute__((aligned(n)))

/* ---- The image: what it has, and who runs it ---- */

inline vrx_host_thread *vrx_thread;
inline const vrx_host_runtime *vrx_runtime;
inline const vrx_host_kernel *vrx_kernels;
inline const vrx_host_variable *vrx_variables;

/* Calls a kernel with the values that an array of pointers points at, as cuLaunchKernel takes them. */
template <class F>
struct vrx_unpack;
template <class... A>
struct vrx_unpack<void(A...)> {
  static constexpr size_t sizes[] = {sizeof(A)..., 0};
  static constexpr size_t count = sizeof...(A);
  template <void (*kernel)(A...), size_t... i>
  static void call(void **parameters, std::index_sequence<i...>) {
    (void)parameters;
    kernel(*static_cast<std::remove_reference_t<A> *>(parameters[i])...);
  }
  template <void (*kernel)(A...)>
  static void run(void **parameters) {
    call<kernel>(parameters, std::index_sequence_for<A...>{});
  }
};

struct vrx_kernel_entry : vrx_host_kernel {
  vrx_kernel_entry(const char *its_name, void (*its_run)(void **), const size_t *sizes, size_t count)
      : vrx_host_kernel{its_name, its_run, sizes, count, vrx_kernels} {
    vrx_kernels = this;
  }
};

struct vrx_variable_entry : vrx_host_variable {
  vrx_variable_entry(const char *its_name, void *its_address, size_t its_bytes)
      : vrx_host_variable{its_name, its_address, its_bytes, vrx_variables} {
    vrx_variables = this;
  }
};

#define VRX_KERNEL(name)                                                                                      \
  static const vrx_kernel_entry vrx_kernel_##name(#name, vrx_unpack<decltype(name)>::run<name>,               \
                                                  vrx_unpack<decltype(name)>::sizes, vrx_unpack<decltype(name)>::count)

/* Makes a __device__ variable known by its name, for cuModuleGetGlobal. */
#define VRX_VARIABLE(name) static const vrx_variable_entry vrx_variable_##name(#name, &name, sizeof(name))

#define VRX_DYNAMIC_SHARED(type, name) type *name = static_cast<type *>(vrx_thread->dynamic_shared)

/* There is always some thread-local storage, so that its place can be asked for. */
inline thread_local char vrx_shared_anchor;
inline char *vrx_touch_shared() { return &vrx_shared_anchor; }

extern "C" __attribute__((visibility("default"), weak)) const vrx_host_image *vrx_host_image_entry() {
  static vrx_host_image image;
  image = {VRX_HOST_IMAGE_VERSION, vrx_kernels, vrx_variables, &vrx_thread, &vrx_runtime, vrx_touch_shared};
  return &image;
}

/* ---- Where a thread is ---- */

#define threadIdx (vrx_thread->thread_idx)
#define blockIdx (vrx_thread->block_idx)
#define blockDim (vrx_thread->launch->block_dim)
#define gridDim (vrx_thread->launch->grid_dim)
#define warpSize 32

/* ---- Vector types ---- */

#define VRX_VECTORS(T, name)                                                                            \
  struct name##2 {                                                                                      \
    T x, y;                                                                                             \
  } __attribute__((aligned(2 * sizeof(T))));                                                            \
  struct name##4 {                                                                                      \
    T x, y, z, w;                                                                                       \
  } __attribute__((aligned(sizeof(T) < 8 ? 4 * sizeof(T) : 16)));                                       \
  static inline name##2 make_##name##2(T x, T y) { return name##2{x, y}; }                              \
  static inline name##4 make_##name##4(T x, T y, T z, T w) { return name##4{x, y, z, w}; }
VRX_VECTORS(int, int)
VRX_VECTORS(unsigned, uint)
VRX_VECTORS(float, float)
VRX_VECTORS(double, double)
VRX_VECTORS(unsigned short, ushort)
VRX_VECTORS(unsigned char, uchar)
VRX_VECTORS(unsigned long long, ulonglong)
VRX_VECTORS(long long, longlong)
#undef VRX_VECTORS

struct float3 {
  float x, y, z;
};
struct int3 {
  int x, y, z;
};
static inline float3 make_float3(float x, float y, float z) { return float3{x, y, z}; }
static inline int3 make_int3(int x, int y, int z) { return int3{x, y, z}; }
static inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return uint3{x, y, z}; }

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned vx = 1, unsigned vy = 1, unsigned vz = 1) : x(vx), y(vy), z(vz) {}
};

/* ---- Barriers ---- */

static inline void __syncthreads() { vrx_runtime->block_barrier(VRX_BARRIER_PLAIN, 0); }
static inline int __syncthreads_and(int p) { return vrx_runtime->block_barrier(VRX_BARRIER_AND, p); }
static inline int __syncthreads_or(int p) { return vrx_runtime->block_barrier(VRX_BARRIER_OR, p); }
static inline int __syncthreads_count(int p) { return vrx_runtime->block_barrier(VRX_BARRIER_COUNT, p); }
static inline void vrx_grid_sync() { vrx_runtime->grid_barrier(); }
static inline void vrx_relax() { vrx_runtime->relax(); }
static inline void __nanosleep(unsigned) { vrx_runtime->relax(); }
static inline void __threadfence_block() {}
static inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void __threadfence_system() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/* ---- Warp-wide operations ---- */

static inline void __syncwarp(unsigned mask = 0xffffffffu) {
  uint32_t present;
  vrx_runtime->warp_exchange(mask, 0, &present);
}
static inline unsigned __activemask() { return vrx_runtime->active_lanes(); }

template <class T>
static inline uint64_t vrx_to_bits(T value) {
  static_assert(sizeof(T) <= 8, "a warp-wide operation takes values of at most 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
static inline T vrx_of_bits(uint64_t bits) {
  T value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

template <class T>
static inline T vrx_shuffle(unsigned mask, T value, int from, bool within) {
  uint32_t present;
  const uint64_t *values = vrx_runtime->warp_exchange(mask, vrx_to_bits(value), &present);
  return within ? vrx_of_bits<T>(values[from & 31]) : value;
}
template <class T>
static inline T __shfl_sync(unsigned mask, T value, int from, int width = 32) {
  int first = static_cast<int>(vrx_thread->lane) & ~(width - 1);
  return vrx_shuffle(mask, value, first + (from & (width - 1)), true);
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  int lane = static_cast<int>(vrx_thread->lane), from = lane - static_cast<int>(delta);
  return vrx_shuffle(mask, value, from, from >= (lane & ~(width - 1)));
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  int lane = static_cast<int>(vrx_thread->lane), from = lane + static_cast<int>(delta);
  return vrx_shuffle(mask, value, from, from <= (lane | (width - 1)));
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  int lane = static_cast<int>(vrx_thread->lane), from = lane ^ bits;
  return vrx_shuffle(mask, value, from, from <= (lane | (width - 1)));
}

static inline unsigned __ballot_sync(unsigned mask, int predicate) {
  uint32_t present, votes = 0;
  const uint64_t *values = vrx_runtime->warp_exchange(mask, predicate != 0, &present);
  for (int i = 0; i < 32; i++)
    if ((present >> i & 1) && values[i]) votes |= 1u << i;
  return votes;
}
static inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
static inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, !predicate) == 0; }

template <class T>
static inline unsigned __match_any_sync(unsigned mask, T value) {
  uint32_t present, same = 0;
  const uint64_t *values = vrx_runtime->warp_exchange(mask, vrx_to_bits(value), &present);
  for (int i = 0; i < 32; i++)
    if ((present >> i & 1) && values[i] == vrx_to_bits(value)) same |= 1u << i;
  return same;
}

template <class T, class F>
static inline T vrx_warp_reduce(unsigned mask, T value, F combine) {
  uint32_t present;
  const uint64_t *values = vrx_runtime->warp_exchange(mask, vrx_to_bits(value), &present);
  T result = value;
  for (int i = 0; i < 32; i++)
    if ((present >> i & 1) && i != static_cast<int>(vrx_thread->lane)) result = combine(result, vrx_of_bits<T>(values[i]));
  return result;
}
template <class T>
static inline T __reduce_add_sync(unsigned mask, T value) {
  return vrx_warp_reduce(mask, value, [](T a, T b) { return static_cast<T>(a + b); });
}
template <class T>
static inline T __reduce_min_sync(unsigned mask, T value) {
  return vrx_warp_reduce(mask, value, [](T a, T b) { return a < b ? a : b; });
}
template <class T>
static inline T __reduce_max_sync(unsigned mask, T value) {
  return vrx_warp_reduce(mask, value, [](T a, T b) { return a < b ? b : a; });
}
static inline unsigned __reduce_or_sync(unsigned mask, unsigned value) {
  return vrx_warp_reduce(mask, value, [](unsigned a, unsigned b) { return a | b; });
}
static inline unsigned __reduce_and_sync(unsigned mask, unsigned value) {
  return vrx_warp_reduce(mask, value, [](unsigned a, unsigned b) { return a & b; });
}
static inline unsigned __reduce_xor_sync(unsigned mask, unsigned value) {
  return vrx_warp_reduce(mask, value, [](unsigned a, unsigned b) { return a ^ b; });
}

/* ---- Atomics: fibres run one at a time, so plain accesses are atomic among them ---- */

template <class T, class F>
static inline T vrx_atomic(T *address, F change) {
  T old = *static_cast<volatile T *>(address);
  *static_cast<volatile T *>(address) = change(old);
  return old;
}
#define VRX_ATOMICS(T)                                                                                             \
  static inline T atomicAdd(T *p, T v) { return vrx_atomic(p, [v](T old) { return static_cast<T>(old + v); }); }    \
  static inline T atomicExch(T *p, T v) { return vrx_atomic(p, [v](T) { return v; }); }                             \
  static inline T atomicMax(T *p, T v) { return vrx_atomic(p, [v](T old) { return old < v ? v : old; }); }          \
  static inline T atomicMin(T *p, T v) { return vrx_atomic(p, [v](T old) { return v < old ? v : old; }); }
#define VRX_INTEGER_ATOMICS(T)                                                                                     \
  static inline T atomicSub(T *p, T v) { return vrx_atomic(p, [v](T old) { return static_cast<T>(old - v); }); }    \
  static inline T atomicOr(T *p, T v) { return vrx_atomic(p, [v](T old) { return old | v; }); }                     \
  static inline T atomicAnd(T *p, T v) { return vrx_atomic(p, [v](T old) { return old & v; }); }                    \
  static inline T atomicXor(T *p, T v) { return vrx_atomic(p, [v](T old) { return old ^ v; }); }                    \
  static inline T atomicCAS(T *p, T expected, T v) {                                                               \
    return vrx_atomic(p, [expected, v](T old) { return old == expected ? v : old; });                              \
  }
VRX_ATOMICS(int)
VRX_ATOMICS(unsigned)
VRX_ATOMICS(unsigned long long)
VRX_ATOMICS(float)
VRX_ATOMICS(double)
VRX_INTEGER_ATOMICS(int)
VRX_INTEGER_ATOMICS(unsigned)
VRX_INTEGER_ATOMICS(unsigned long long)
#undef VRX_ATOMICS
#undef VRX_INTEGER_ATOMICS
static inline unsigned atomicInc(unsigned *p, unsigned limit) {
  return vrx_atomic(p, [limit](unsigned old) { return old >= limit ? 0u : old + 1u; });
}

/* ---- Loads and stores with a cache policy ---- */

template <class T>
static inline T __ldg(const T *p) {
  return *p;
}
#define VRX_LOAD(name)               \
  template <class T>                 \
  static inline T name(const T *p) { \
    return *p;                       \
  }
VRX_LOAD(__ldca)
VRX_LOAD(__ldcs)
VRX_LOAD(__ldlu)
#undef VRX_LOAD
/* From the level that all blocks see: never kept in a register. */
template <class T>
static inline T __ldcg(const T *p) {
  T value;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  memcpy(&value, p, sizeof value);
  return value;
}
template <class T>
static inline T __ldcv(const T *p) {
  return __ldcg(p);
}
#define VRX_STORE(name)                       \
  template <class T>                          \
  static inline void name(T *p, T value) {    \
    *p = value;                               \
    __atomic_signal_fence(__ATOMIC_SEQ_CST);  \
  }
VRX_STORE(__stwb)
VRX_STORE(__stcg)
VRX_STORE(__stcs)
VRX_STORE(__stwt)
#undef VRX_STORE

/* ---- Integers ---- */

static inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned by) {
  by &= 31;
  return by == 0 ? high : high << by | low >> (32 - by);
}
static inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned by) {
  by &= 31;
  return by == 0 ? low : low >> by | high << (32 - by);
}
static inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  uint64_t bytes = static_cast<uint64_t>(y) << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    unsigned which = selector >> (4 * i) & 0xf, byte = static_cast<unsigned>(bytes >> (8 * (which & 7)) & 0xff);
    result |= (which & 8 ? (byte & 0x80 ? 0xffu : 0u) : byte) << (8 * i);
  }
  return result;
}
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
static inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(x)); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline unsigned __brev(unsigned x) {
  unsigned result = 0;
  for (int i = 0; i < 32; i++) result |= (x >> i & 1u) << (31 - i);
  return result;
}
static inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<uint64_t>(a) * b >> 32);
}
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}
#define VRX_EXTREMES(T)                                   \
  static inline T min(T a, T b) { return b < a ? b : a; } \
  static inline T max(T a, T b) { return a < b ? b : a; }
VRX_EXTREMES(int)
VRX_EXTREMES(unsigned)
VRX_EXTREMES(long)
VRX_EXTREMES(unsigned long)
VRX_EXTREMES(long long)
VRX_EXTREMES(unsigned long long)
#undef VRX_EXTREMES
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }

/* ---- Floating point ---- */

static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __frcp_rn(float x) { return 1.0f / x; }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
/*
 * The fast ones are less exact on a GPU; a test that compares with these must allow for it there. Macros, because glibc
 * keeps some of the names for itself.
 */
#define __expf(x) expf(x)
#define __exp2f(x) exp2f(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __powf(x, y) powf(x, y)
static inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
static inline int __float_as_int(float x) { return vrx_of_bits<int>(vrx_to_bits(x)); }
static inline unsigned __float_as_uint(float x) { return vrx_of_bits<unsigned>(vrx_to_bits(x)); }
static inline float __int_as_float(int x) { return vrx_of_bits<float>(vrx_to_bits(x)); }
static inline float __uint_as_float(unsigned x) { return vrx_of_bits<float>(vrx_to_bits(x)); }
static inline long long __double_as_longlong(double x) { return vrx_of_bits<long long>(vrx_to_bits(x)); }
static inline double __longlong_as_double(long long x) { return vrx_of_bits<double>(vrx_to_bits(x)); }
/* Conversions saturate and take NaN for zero, as the GPU's do. */
static inline int vrx_saturate(double x) {
  return x != x ? 0 : x >= 2147483647.0 ? 2147483647 : x <= -2147483648.0 ? -2147483647 - 1 : static_cast<int>(x);
}
static inline int __float2int_rd(float x) { return vrx_saturate(floor(static_cast<double>(x))); }
static inline int __float2int_rn(float x) { return vrx_saturate(rint(static_cast<double>(x))); }
static inline int __float2int_rz(float x) { return vrx_saturate(trunc(static_cast<double>(x))); }
static inline int __double2int_rd(double x) { return vrx_saturate(floor(x)); }
static inline int __double2int_rn(double x) { return vrx_saturate(rint(x)); }
static inline int __double2int_rz(double x) { return vrx_saturate(trunc(x)); }
static inline float __double2float_rn(double x) { return static_cast<float>(x); }
static inline float __int2float_rn(int x) { return static_cast<float>(x); }
static inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }

/* ---- Time, and the end ---- */

static inline long long clock64() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
static inline void __trap() { vrx_runtime->trap(VRX_TRAP_INSTRUCTION, "__trap()"); }

#undef assert
#define assert(condition) ((condition) ? (void)0 : vrx_runtime->trap(VRX_TRAP_ASSERT, #condition))

#endif
