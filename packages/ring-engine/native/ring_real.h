/*
 * The types and names of one compilation of the engine: VRX_F64 and VRX_PTR_F64 choose the precisions, VRX_LEVEL the
 * vector width. Vectors are those of the compiler (GNU C), so that one source serves every instruction set.
 */
#ifndef VRX_RING_REAL_H
#define VRX_RING_REAL_H

#include "ring_engine.h"

#define RM_REAL float
#define RM_F64 0
#define RM_SUFFIX f32
#include "ring_math.h"
#define RM_REAL double
#define RM_F64 1
#define RM_SUFFIX f64
#include "ring_math.h"

#if VRX_F64
typedef double real;
#define R_(name) rm_##name##_f64
#define VRX_REAL_NAME f64
#else
typedef float real;
#define R_(name) rm_##name##_f32
#define VRX_REAL_NAME f32
#endif

#if VRX_LEVEL == 2
enum { VECTOR_BYTES = 64, MAX_ROWS = 6, MAX_VECTORS = 4 };
#elif VRX_LEVEL == 1
enum { VECTOR_BYTES = 32, MAX_ROWS = 4, MAX_VECTORS = 3 };
#elif defined(__aarch64__)
enum { VECTOR_BYTES = 16, MAX_ROWS = 6, MAX_VECTORS = 4 };
#else
enum { VECTOR_BYTES = 16, MAX_ROWS = 4, MAX_VECTORS = 3 };
#endif

typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
/* The same anywhere in memory; may_alias, since it looks at arrays of reals. */
typedef real loose_vec __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

enum { LANES = VECTOR_BYTES / (int)sizeof(real) };

#define VRX_JOIN3(a, b, c) a##_##b##_##c
#define VRX_EXPAND3(a, b, c) VRX_JOIN3(a, b, c)
#define VRX_KERNEL(name) VRX_EXPAND3(vrx_##name, VRX_REAL_NAME, VRX_LEVEL)

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* The part of `count` things that member `id` of `members` takes: contiguous, sizes differ by at most one. */
typedef struct {
  int64_t begin, end;
} share;
static inline share share_of(int64_t count, int id, int members) {
  return (share){count * id / members, count * (id + 1) / members};
}

/* Columns are walked in panels of up to MAX_VECTORS vectors, as even as possible. */
static inline int64_t panel_vectors(int64_t vector, int64_t end) {
  int64_t left = end - vector, panels = (left + MAX_VECTORS - 1) / MAX_VECTORS;
  return (left + panels - 1) / panels;
}

/*
 * C[rows x vectors * LANES] = init + A[rows x depth] * panel. A is at a[row * row_stride + k * depth_stride]; the
 * panel holds `vectors` vectors for each k; `init` (NULL: zero) and C are row-major, an init_stride of 0 adds the same
 * row everywhere, and init may be C itself.
 */
void VRX_KERNEL(multiply)(int64_t rows, int64_t vectors, int64_t depth, const real *a, int64_t row_stride,
                          int64_t depth_stride, const real *panel, const real *init, int64_t init_stride, real *c,
                          int64_t c_stride);

#endif
