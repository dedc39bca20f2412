/*
 * The scalar mathematics of the ring: exponential family, gates, window, pointer.
 *
 * One home for the formulas that every native engine executes; each engine keeps the loops its hardware wants.
 * The header is included once per floating-point type, with RM_REAL (float or double), RM_F64 (0 or 1) and
 * RM_SUFFIX (f32 or f64) defined; the functions are then named rm_<name>_<suffix>. RM_FN and RM_FAR_FN may be defined
 * beforehand to change how functions are declared (a device compiler needs its own qualifiers).
 *
 * The exponential family is branch-free so that compilers vectorise loops over it, and it lets NaN through.
 * Largest errors found: 2.5 units in the last place in both types, with fused multiply-adds and without (test_driver.c).
 */
#ifndef VRX_RING_MATH_COMMON
#define VRX_RING_MATH_COMMON

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifndef RM_FN
#define RM_FN static inline __attribute__((always_inline, unused))
#endif
/* Functions that are seldom called, or too large to be copied into every caller: a device compiler keeps one of each. */
#ifndef RM_FAR_FN
#define RM_FAR_FN RM_FN
#endif
#define RM_JOIN2(a, b) a##_##b
#define RM_JOIN(a, b) RM_JOIN2(a, b)

#endif

#define RM(name) RM_JOIN(rm_##name, RM_SUFFIX)

#if RM_F64
#define RM_INT int64_t
#define RM_SHIFTER 0x1.8p52
#define RM_MANTISSA 52
#define RM_EXPONENT_ONE INT64_C(0x3ff0000000000000)
#define RM_LN2_HIGH 0x1.62e42fefa3800p-1
#define RM_LN2_LOW 0x1.ef35793c76730p-45
#define RM_EXP_MIN (-708.0)
#define RM_EXP_MAX 709.0
#define RM_TANH_MAX 20.0
#define RM_FMOD fmod
#define RM_FLOOR floor
#define RM_RINT rint
#define RM_FABS fabs
#define RM_COPYSIGN copysign
#define RM_LOG1P log1p
#define RM_EXP exp
#else
#define RM_INT int32_t
#define RM_SHIFTER 0x1.8p23f
#define RM_MANTISSA 23
#define RM_EXPONENT_ONE INT32_C(0x3f800000)
#define RM_LN2_HIGH 0x1.62e000p-1f
#define RM_LN2_LOW 0x1.0bfbe8p-15f
#define RM_EXP_MIN (-87.0f)
#define RM_EXP_MAX 88.0f
#define RM_TANH_MAX 9.5f
#define RM_FMOD fmodf
#define RM_FLOOR floorf
#define RM_RINT rintf
#define RM_FABS fabsf
#define RM_COPYSIGN copysignf
#define RM_LOG1P log1pf
#define RM_EXP expf
#endif

/* Splits x = n * ln2 + r with |r| <= ln2 / 2; returns r and stores 2^n. Adding the shifter leaves n in the low bits. */
RM_FN RM_REAL RM(reduce)(RM_REAL x, RM_REAL *power) {
  RM_REAL shifted = x * (RM_REAL)1.4426950408889634 + RM_SHIFTER;
  RM_REAL n = shifted - RM_SHIFTER;
  RM_INT bits;
#if RM_F64
  uint64_t raw;
#else
  uint32_t raw;
#endif
  memcpy(&raw, &shifted, sizeof raw);
  raw = (raw << RM_MANTISSA) + RM_EXPONENT_ONE;
  bits = (RM_INT)raw;
  memcpy(power, &bits, sizeof bits);
  return (x - n * RM_LN2_HIGH) - n * RM_LN2_LOW;
}

/* (exp(r) - 1 - r) / r^2 for |r| <= ln2 / 2: the Taylor series, cut where its rest is below the rounding error. */
RM_FN RM_REAL RM(series)(RM_REAL r) {
#if RM_F64
  RM_REAL q = 1.0 / 6227020800.0;
  q = q * r + 1.0 / 479001600.0;
  q = q * r + 1.0 / 39916800.0;
  q = q * r + 1.0 / 3628800.0;
  q = q * r + 1.0 / 362880.0;
  q = q * r + 1.0 / 40320.0;
  q = q * r + 1.0 / 5040.0;
  q = q * r + 1.0 / 720.0;
#else
  RM_REAL q = 1.0f / 5040.0f;
  q = q * r + 1.0f / 720.0f;
#endif
  q = q * r + (RM_REAL)(1.0 / 120.0);
  q = q * r + (RM_REAL)(1.0 / 24.0);
  q = q * r + (RM_REAL)(1.0 / 6.0);
  return q * r + (RM_REAL)0.5;
}

/* exp(x), saturating at the ends of the normal range instead of reaching 0 or infinity. */
RM_FN RM_REAL RM(exp)(RM_REAL x) {
  RM_REAL power, r;
  x = x < RM_EXP_MIN ? RM_EXP_MIN : x;
  x = x > RM_EXP_MAX ? RM_EXP_MAX : x;
  r = RM(reduce)(x, &power);
  return power + power * (r + r * r * RM(series)(r));
}

RM_FN RM_REAL RM(sigmoid)(RM_REAL x) { return (RM_REAL)1 / ((RM_REAL)1 + RM(exp)(-x)); }

/* tanh(x) = e / (e + 2) with e = exp(2|x|) - 1, which keeps the relative accuracy near zero. */
RM_FN RM_REAL RM(tanh)(RM_REAL x) {
  RM_REAL power, r, e;
  RM_REAL magnitude = RM_FABS(x);
  magnitude = magnitude > RM_TANH_MAX ? RM_TANH_MAX : magnitude;
  r = RM(reduce)(magnitude + magnitude, &power);
  e = power * (r + r * r * RM(series)(r)) + (power - (RM_REAL)1);
  return RM_COPYSIGN(e / (e + (RM_REAL)2), x);
}

/* log(1 + exp(x)), without overflow for large x. Its slope is the sigmoid. */
RM_FN RM_REAL RM(softplus)(RM_REAL x) { return (x > 0 ? x : 0) + RM_LOG1P(RM_EXP(-RM_FABS(x))); }

RM_FAR_FN RM_REAL RM(mod_far)(RM_REAL x, RM_REAL m) {
  RM_REAL rest = RM_FMOD(x, m);
  return rest < 0 ? rest + m : rest;
}

/* Floor modulo: the remainder with the sign of the divisor. The branches avoid a division for the usual arguments. */
RM_FN RM_REAL RM(mod)(RM_REAL x, RM_REAL m) {
  if (x >= 0 && x < m) return x;
  if (x >= m && x < m + m) return x - m;
  if (x < 0 && x > -m) return x + m;
  return RM(mod_far)(x, m);
}

/* The signed way from a to b on a ring of length len, in [-len/2, len/2). */
RM_FN RM_REAL RM(wrap)(RM_REAL a, RM_REAL b, RM_REAL len) {
  return RM(mod)(b - a + len / 2, len) - len / 2;
}

/* The point a fraction w of the way from a to b. */
RM_FN RM_REAL RM(ring_lerp)(RM_REAL a, RM_REAL b, RM_REAL w, RM_REAL len) {
  return RM(mod)(a + w * RM(wrap)(a, b, len), len);
}

/* The slot that holds position p: floor(p) held within the ring. */
RM_FN int32_t RM(slot_of)(RM_REAL p, int32_t ring_len) {
  RM_REAL base = RM_FLOOR(p);
  if (!(base > 0)) return 0;
  return base > (RM_REAL)(ring_len - 1) ? ring_len - 1 : (int32_t)base;
}

/* One GRU unit. Arguments: what the input and the state contribute to each gate, biases included. */
RM_FN RM_REAL RM(gru)(RM_REAL input_r, RM_REAL input_z, RM_REAL input_n, RM_REAL state_r, RM_REAL state_z,
                      RM_REAL state_n, RM_REAL h, RM_REAL *r, RM_REAL *z, RM_REAL *n) {
  *r = RM(sigmoid)(input_r + state_r);
  *z = RM(sigmoid)(input_z + state_z);
  *n = RM(tanh)(input_n + *r * state_n);
  return ((RM_REAL)1 - *z) * *n + *z * h;
}

/* Gradients of one GRU unit before its gates' non-linearities; state_dn is that of what the state gives to n. */
RM_FN void RM(gru_backward)(RM_REAL dh, RM_REAL h, RM_REAL r, RM_REAL z, RM_REAL n, RM_REAL state_n, RM_REAL *dr,
                            RM_REAL *dz, RM_REAL *dn, RM_REAL *state_dn) {
  *dn = dh * ((RM_REAL)1 - z) * ((RM_REAL)1 - n * n);
  *dz = dh * (h - n) * z * ((RM_REAL)1 - z);
  *dr = *dn * state_n * r * ((RM_REAL)1 - r);
  *state_dn = *dn * r;
}

/*
 * The Gaussian window of 2 * radius + 1 slots around p: its slots, and weights that sum to 1. `offsets` gets the
 * signed ways from p to the slots, which the gradient needs.
 */
RM_FN void RM(window_of_radius)(RM_REAL p, int32_t ring_len, int32_t radius, RM_REAL tau, int32_t *centers,
                                RM_REAL *weights, RM_REAL *offsets) {
  int32_t base = RM(slot_of)(p, ring_len);
  int32_t width = 2 * radius + 1;
  RM_REAL largest = 0, sum = 0;
  for (int32_t k = 0; k < width; k++) {
    int32_t center = (base + k - radius) % ring_len;
    centers[k] = center < 0 ? center + ring_len : center;
    offsets[k] = RM(wrap)(p, (RM_REAL)centers[k], (RM_REAL)ring_len);
    weights[k] = -offsets[k] * offsets[k] / tau;
    if (k == 0 || weights[k] > largest) largest = weights[k];
  }
  for (int32_t k = 0; k < width; k++) {
    weights[k] = RM(exp)(weights[k] - largest);
    sum += weights[k];
  }
  for (int32_t k = 0; k < width; k++) weights[k] /= sum;
}

/* The usual radius has loops of its own, whose steps do not wait for each other. */
RM_FAR_FN void RM(window)(RM_REAL p, int32_t ring_len, int32_t radius, RM_REAL tau, int32_t *centers, RM_REAL *weights,
                          RM_REAL *offsets) {
  if (radius == 2)
    RM(window_of_radius)(p, ring_len, 2, tau, centers, weights, offsets);
  else
    RM(window_of_radius)(p, ring_len, radius, tau, centers, weights, offsets);
}

/* d(loss)/dp through the window, from d(loss)/d(weights). */
RM_FN RM_REAL RM(window_backward)(int32_t width, RM_REAL tau, const RM_REAL *weights, const RM_REAL *offsets,
                                  const RM_REAL *dweights) {
  RM_REAL mean = 0, dp = 0;
  for (int32_t k = 0; k < width; k++) mean += weights[k] * dweights[k];
  for (int32_t k = 0; k < width; k++) dp += weights[k] * (dweights[k] - mean) * 2 * offsets[k] / tau;
  return dp;
}

/* What the pointer's heads say: products with the hidden state, and the interpolated jump target and gate logit. */
typedef struct {
  RM_REAL jump, inertia, deadzone, walk, target, gate;
} RM(pointer_input);

/* One pointer update with its intermediate values, in the order in which they arise. */
typedef struct {
  RM_REAL inertia, deadzone, walk, jump;
  RM_REAL walk_step, jump_step, pull_step, rest, gain;
  RM_REAL moved;
} RM(pointer_update);

/*
 * Walk towards p + 1, jump towards the target, hold back by inertia, then a soft dead zone. `moved` is the new
 * position before it is brought back to p's turn of the ring; jump_step and pull_step are signed ways.
 */
RM_FAR_FN RM(pointer_update) RM(pointer_forward)(RM_REAL p, RM(pointer_input) in, RM_REAL len, RM_REAL deadzone_tau) {
  RM(pointer_update) u;
  RM_REAL next = RM(mod)(p + 1, len), m, target;
  u.inertia = RM(sigmoid)(in.inertia);
  u.inertia = u.inertia > (RM_REAL)0.99 ? (RM_REAL)0.99 : u.inertia;
  u.deadzone = RM(softplus)(in.deadzone);
  u.walk = RM(sigmoid)(in.walk);
  u.jump = RM(sigmoid)(in.jump + in.gate);
  target = RM_RINT(in.target);
  u.walk_step = RM(wrap)(p, next, len);
  m = RM(mod)(p + u.walk * u.walk_step, len);
  u.jump_step = RM(wrap)(m, target, len);
  m = RM(mod)(m + u.jump * u.jump_step, len);
  u.pull_step = RM(wrap)(p, m, len);
  m = RM(mod)(p + ((RM_REAL)1 - u.inertia) * u.pull_step, len);
  u.rest = RM(wrap)(p, m, len);
  u.gain = RM(sigmoid)((RM_FABS(u.rest) - u.deadzone) / deadzone_tau);
  u.moved = RM(mod)(p + u.gain * u.rest, len);
  return u;
}

/*
 * Gradients of pointer_forward from d(loss)/d(new position): of its inputs, and of p. Rounding is straight-through,
 * wrapping has slope 1, the clamp on inertia passes gradient on its closed interval, |.|' at 0 is 0.
 */
RM_FAR_FN RM_REAL RM(pointer_backward)(RM_REAL dnew, RM(pointer_input) in, RM(pointer_update) u, RM_REAL deadzone_tau,
                                   RM(pointer_input) * grad) {
  RM_REAL sign = u.rest > 0 ? (RM_REAL)1 : u.rest < 0 ? (RM_REAL)-1 : u.rest;
  RM_REAL raw_inertia = RM(sigmoid)(in.inertia);
  RM_REAL dp = dnew;
  RM_REAL dstrength = dnew * u.rest * u.gain * ((RM_REAL)1 - u.gain) / deadzone_tau;
  RM_REAL drest = dnew * u.gain + dstrength * sign;
  RM_REAL dpull = drest * ((RM_REAL)1 - u.inertia);
  RM_REAL djump = dpull * u.jump_step;
  RM_REAL dwalked = dpull * ((RM_REAL)1 - u.jump);
  dp += drest * u.inertia - drest;
  dp += dwalked;
  grad->deadzone = -dstrength * RM(sigmoid)(in.deadzone);
  grad->inertia = raw_inertia <= (RM_REAL)0.99 ? -drest * u.pull_step * raw_inertia * ((RM_REAL)1 - raw_inertia) : 0;
  grad->jump = djump * u.jump * ((RM_REAL)1 - u.jump);
  grad->gate = grad->jump;
  grad->target = dpull * u.jump;
  grad->walk = dwalked * u.walk_step * u.walk * ((RM_REAL)1 - u.walk);
  return dp;
}

#undef RM
#undef RM_INT
#undef RM_SHIFTER
#undef RM_MANTISSA
#undef RM_EXPONENT_ONE
#undef RM_LN2_HIGH
#undef RM_LN2_LOW
#undef RM_EXP_MIN
#undef RM_EXP_MAX
#undef RM_TANH_MAX
#undef RM_FMOD
#undef RM_FLOOR
#undef RM_RINT
#undef RM_FABS
#undef RM_COPYSIGN
#undef RM_LOG1P
#undef RM_EXP
#undef RM_REAL
#undef RM_F64
#undef RM_SUFFIX
