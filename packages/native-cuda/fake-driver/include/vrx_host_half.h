/*
 * CUDA's half and bfloat16 for the host, under CUDA's names: storage, conversions rounded to nearest even, and arithmetic
 * that is done in float and rounded once, as the GPU's is.
 */
#ifndef VRX_HOST_HALF_H
#define VRX_HOST_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t vrx_float_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
static inline float vrx_bits_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline float vrx_half_to_float(uint16_t half) {
  uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16, exponent = half >> 10 & 31u, fraction = half & 1023u;
  if (exponent == 31) return vrx_bits_float(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return vrx_bits_float(sign | (exponent + 112) << 23 | fraction << 13);
  /* A subnormal is its fraction times 2^-24, which a float holds exactly. */
  float magnitude = static_cast<float>(fraction) * 5.9604644775390625e-8f;
  return vrx_bits_float(sign | vrx_float_bits(magnitude));
}

static inline uint16_t vrx_float_to_half(float x) {
  uint32_t bits = vrx_float_bits(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x7fff;
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {
    /* Adding 0.5 leaves the multiples of 2^-24 in the last bits, rounded to nearest even by the addition itself. */
    uint32_t fraction = vrx_float_bits(vrx_bits_float(magnitude) + 0.5f) - 0x3f000000u;
    return static_cast<uint16_t>(sign | fraction);
  }
  uint32_t odd = magnitude >> 13 & 1u;
  return static_cast<uint16_t>(sign | ((magnitude + 0xfffu + odd - (112u << 23)) >> 13));
}

static inline float vrx_bfloat_to_float(uint16_t x) { return vrx_bits_float(static_cast<uint32_t>(x) << 16); }

static inline uint16_t vrx_float_to_bfloat(float x) {
  uint32_t bits = vrx_float_bits(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/* Trivial to construct, so that shared memory may hold them. */
#define VRX_HALF_TYPE(T, to_float, of_float)                                                                    \
  struct T {                                                                                                    \
    uint16_t bits;                                                                                              \
    T() = default;                                                                                              \
    T(float x) : bits(of_float(x)) {}                                                                           \
    T(double x) : bits(of_float(static_cast<float>(x))) {}                                                      \
    T(int x) : bits(of_float(static_cast<float>(x))) {}                                                         \
    operator float() const { return to_float(bits); }                                                           \
    T &operator+=(T b) { return *this = *this + b; }                                                            \
    friend T operator+(T a, T b) { return T(to_float(a.bits) + to_float(b.bits)); }                             \
    friend T operator-(T a, T b) { return T(to_float(a.bits) - to_float(b.bits)); }                             \
    friend T operator*(T a, T b) { return T(to_float(a.bits) * to_float(b.bits)); }                             \
    friend T operator/(T a, T b) { return T(to_float(a.bits) / to_float(b.bits)); }                             \
    friend T operator-(T a) { return T(-to_float(a.bits)); }                                                    \
  };                                                                                                            \
  struct alignas(4) T##2 {                                                                                      \
    T x, y;                                                                                                     \
  };
VRX_HALF_TYPE(__half, vrx_half_to_float, vrx_float_to_half)
VRX_HALF_TYPE(__nv_bfloat16, vrx_bfloat_to_float, vrx_float_to_bfloat)
#undef VRX_HALF_TYPE
typedef __half half;
typedef __half2 half2;
typedef __nv_bfloat162 nv_bfloat162;
typedef __nv_bfloat16 nv_bfloat16;

struct float2;

static inline __half __float2half(float x) { return __half(x); }
static inline __half __float2half_rn(float x) { return __half(x); }
static inline __half __double2half(double x) {
  /* Through float with the bits that it drops kept sticky in its last one, so that the value is rounded once. */
  float narrow = static_cast<float>(x);
  if (static_cast<double>(narrow) != x && narrow - narrow == 0.0f) {
    uint32_t bits = vrx_float_bits(narrow);
    bool away = (x < 0 ? -static_cast<double>(narrow) : static_cast<double>(narrow)) > (x < 0 ? -x : x);
    narrow = vrx_bits_float((away ? bits - 1 : bits) | 1u);
  }
  return __half(narrow);
}
static inline float __half2float(__half x) { return vrx_half_to_float(x.bits); }
static inline unsigned short __half_as_ushort(__half x) { return x.bits; }
static inline __half __ushort_as_half(unsigned short bits) {
  __half x;
  x.bits = bits;
  return x;
}
static inline __nv_bfloat16 __float2bfloat16(float x) { return __nv_bfloat16(x); }
static inline __nv_bfloat16 __float2bfloat16_rn(float x) { return __nv_bfloat16(x); }
static inline float __bfloat162float(__nv_bfloat16 x) { return vrx_bfloat_to_float(x.bits); }
static inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x) { return x.bits; }
static inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
  __nv_bfloat16 x;
  x.bits = bits;
  return x;
}
static inline __half2 __halves2half2(__half x, __half y) { return __half2{x, y}; }
static inline __half2 __floats2half2_rn(float x, float y) { return __half2{__half(x), __half(y)}; }
static inline __half __low2half(__half2 v) { return v.x; }
static inline __half __high2half(__half2 v) { return v.y; }
static inline float __low2float(__half2 v) { return __half2float(v.x); }
static inline float __high2float(__half2 v) { return __half2float(v.y); }
static inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
  return __nv_bfloat162{__nv_bfloat16(x), __nv_bfloat16(y)};
}
static inline float __low2float(__nv_bfloat162 v) { return __bfloat162float(v.x); }
static inline float __high2float(__nv_bfloat162 v) { return __bfloat162float(v.y); }

#endif
