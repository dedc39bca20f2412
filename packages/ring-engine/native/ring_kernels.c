/*
 * The matrix kernel: register tiles of up to MAX_ROWS rows by MAX_VECTORS vectors, one loop over the depth.
 * Every element of C is one sum over k in ascending order, so results do not depend on how tiles are cut.
 */
#include "ring_real.h"

static inline __attribute__((always_inline)) void tile(int rows, int vectors, int64_t depth, const real *restrict a,
                                                       int64_t row_stride, int64_t depth_stride,
                                                       const real *restrict panel, const real *init,
                                                       int64_t init_stride, real *c, int64_t c_stride) {
  vec sum[MAX_ROWS][MAX_VECTORS];
#pragma GCC unroll 8
  for (int m = 0; m < rows; m++) {
#pragma GCC unroll 8
    for (int n = 0; n < vectors; n++)
      sum[m][n] = init == NULL ? (vec){0} : (vec) * (const loose_vec *)(init + m * init_stride + n * LANES);
  }
  for (int64_t k = 0; k < depth; k++) {
    vec weights[MAX_VECTORS];
#pragma GCC unroll 8
    for (int n = 0; n < vectors; n++) weights[n] = (vec) * (const loose_vec *)(panel + n * LANES);
    panel += vectors * LANES;
#pragma GCC unroll 8
    for (int m = 0; m < rows; m++) {
      real factor = a[m * row_stride];
#pragma GCC unroll 8
      for (int n = 0; n < vectors; n++) sum[m][n] += factor * weights[n];
    }
    a += depth_stride;
  }
#pragma GCC unroll 8
  for (int m = 0; m < rows; m++) {
#pragma GCC unroll 8
    for (int n = 0; n < vectors; n++) *(loose_vec *)(c + m * c_stride + n * LANES) = (loose_vec)sum[m][n];
  }
}

#define TILE_ARGUMENTS                                                                                              \
  int64_t depth, const real *a, int64_t row_stride, int64_t depth_stride, const real *panel, const real *init,      \
      int64_t init_stride, real *c, int64_t c_stride
typedef void (*tile_function)(TILE_ARGUMENTS);

#define TILE(rows, vectors)                                                                                         \
  static void tile_##rows##_##vectors(TILE_ARGUMENTS) {                                                             \
    tile(rows, vectors, depth, a, row_stride, depth_stride, panel, init, init_stride, c, c_stride);                 \
  }
#define TILES(vectors) TILE(1, vectors) TILE(2, vectors) TILE(3, vectors) TILE(4, vectors)
TILES(1) TILES(2) TILES(3)
#if defined(__aarch64__) || VRX_LEVEL == 2
#define MORE_TILES(vectors) TILE(5, vectors) TILE(6, vectors)
TILES(4) MORE_TILES(1) MORE_TILES(2) MORE_TILES(3) MORE_TILES(4)
#define COLUMN(v) {tile_1_##v, tile_2_##v, tile_3_##v, tile_4_##v, tile_5_##v, tile_6_##v}
static const tile_function tiles[MAX_VECTORS][MAX_ROWS] = {COLUMN(1), COLUMN(2), COLUMN(3), COLUMN(4)};
#else
#define COLUMN(v) {tile_1_##v, tile_2_##v, tile_3_##v, tile_4_##v}
static const tile_function tiles[MAX_VECTORS][MAX_ROWS] = {COLUMN(1), COLUMN(2), COLUMN(3)};
#endif

void VRX_KERNEL(multiply)(int64_t rows, int64_t vectors, int64_t depth, const real *a, int64_t row_stride,
                          int64_t depth_stride, const real *panel, const real *init, int64_t init_stride, real *c,
                          int64_t c_stride) {
  while (rows > 0) {
    int64_t count = (rows + MAX_ROWS - 1) / MAX_ROWS;
    int64_t taken = (rows + count - 1) / count;
    tiles[vectors - 1][taken - 1](depth, a, row_stride, depth_stride, panel, init, init_stride, c, c_stride);
    rows -= taken;
    a += taken * row_stride;
    c += taken * c_stride;
    if (init != NULL) init += taken * init_stride;
  }
}
