/*
 * Products and sums over all time steps at once, several of them in one launch: what does not depend on the order of
 * time. Every element is one sum over the depth in ascending order, so results do not depend on the launch.
 */
#ifndef VRX_RING_MATRIX_CUH
#define VRX_RING_MATRIX_CUH

#include "ring_device.cuh"

enum { TILE = 64, TILE_DEPTH = 16, TILE_THREADS = 64, TILE_STRIDE = TILE + 4 };

enum { PIECE = TILE * TILE_DEPTH / TILE_THREADS };

/*
 * One thread's part of a [TILE, TILE_DEPTH] piece of an operand: lanes run along the stride that is 1. The part begins at
 * (row, k) and goes on along the other direction, every `apart` elements of memory.
 */
template <typename real>
struct ring_operand_view {
  const real *next;
  int64_t apart, advance; /* from one element of the part to the next; from one piece to the next */
  int row, k, row_step, k_step, rows;

  __device__ ring_operand_view(const real *from, int64_t row_stride, int64_t depth_stride, int64_t its_rows) {
    const int thread = threadIdx.x;
    const bool along_depth = depth_stride == 1;
    row = along_depth ? thread / TILE_DEPTH : thread;
    k = along_depth ? thread % TILE_DEPTH : 0;
    row_step = along_depth ? TILE_THREADS / TILE_DEPTH : 0;
    k_step = along_depth ? 0 : 1;
    apart = along_depth ? row_step * row_stride : depth_stride;
    advance = TILE_DEPTH * depth_stride;
    rows = its_rows < TILE ? static_cast<int>(its_rows) : TILE;
    next = from + row * row_stride + k * depth_stride;
  }
  /* Loads the next piece, zero beyond the operand's ends. */
  __device__ __forceinline__ void fetch(int64_t depth, real *piece) {
#pragma unroll
    for (int i = 0; i < PIECE; i++)
      piece[i] = row + i * row_step < rows && k + i * k_step < depth ? next[i * apart] : 0;
    next += advance;
  }
  __device__ __forceinline__ void stage(const real *piece, int64_t format, real *to) const {
    const int first = k * TILE_STRIDE + row, step = k_step * TILE_STRIDE + row_step;
#pragma unroll
    for (int i = 0; i < PIECE; i++) to[first + i * step] = ring_operand(piece[i], format);
  }
};

template <typename real>
__device__ __noinline__ real ring_squashed(real x) {
  return ring_math<real>::tanh(x);
}

/* One block of TILE_THREADS threads for each tile of C; a thread sums 8 by 8 of its elements. */
template <typename real>
__device__ void ring_products_body(unsigned char *arena, int64_t at_table, int count) {
  __shared__ __align__(16) real a_stage[TILE_DEPTH * TILE_STRIDE];
  __shared__ __align__(16) real b_stage[TILE_DEPTH * TILE_STRIDE];
  const ring_product *table = ring_at<ring_product>(arena, at_table), *product = table;
  for (int i = 1; i < count && table[i].first_tile <= static_cast<int64_t>(blockIdx.x); i++) product = table + i;
  const int64_t format = ring_plan_of(arena).format;
  const int64_t tile = blockIdx.x - product->first_tile, across = (product->columns + TILE - 1) / TILE;
  const int64_t row0 = tile / across * TILE, column0 = tile % across * TILE;
  const int64_t rows = product->rows - row0, columns = product->columns - column0, depth = product->depth;
  const int down = threadIdx.x / 8 * 4, right = threadIdx.x % 8 * 4;
  ring_operand_view<real> a(ring_at<real>(arena, product->at_a) + row0 * product->a_row, product->a_row, product->a_depth, rows);
  ring_operand_view<real> b(ring_at<real>(arena, product->at_b) + column0 * product->b_column, product->b_column,
                            product->b_depth, columns);
  real sum[8][8], a_piece[PIECE], b_piece[PIECE];
#pragma unroll
  for (int i = 0; i < 64; i++) sum[i / 8][i % 8] = 0;
  a.fetch(depth, a_piece);
  b.fetch(depth, b_piece);
  for (int64_t k0 = 0; k0 < depth; k0 += TILE_DEPTH) {
    a.stage(a_piece, format, a_stage);
    b.stage(b_piece, format, b_stage);
    __syncthreads();
    const int64_t next = k0 + TILE_DEPTH;
    if (next < depth) {
      a.fetch(depth - next, a_piece);
      b.fetch(depth - next, b_piece);
    }
#pragma unroll 4
    for (int k = 0; k < TILE_DEPTH; k++) {
      real x[8], y[8];
      ring_load4(a_stage + k * TILE_STRIDE + down, x);
      ring_load4(a_stage + k * TILE_STRIDE + TILE / 2 + down, x + 4);
      ring_load4(b_stage + k * TILE_STRIDE + right, y);
      ring_load4(b_stage + k * TILE_STRIDE + TILE / 2 + right, y + 4);
#pragma unroll
      for (int i = 0; i < 64; i++) sum[i / 8][i % 8] += x[i / 8] * y[i % 8];
    }
    __syncthreads();
  }
  const real *bias = product->at_bias < 0 ? nullptr : ring_at<real>(arena, product->at_bias) + column0;
  real *c = ring_at<real>(arena, product->at_c) + row0 * product->c_row + column0;
  const bool squash = product->squash != 0;
#pragma unroll
  for (int i = 0; i < 64; i++) {
    const int row = i / 32 * (TILE / 2) + down + i / 8 % 4, column = i % 8 / 4 * (TILE / 2) + right + i % 4;
    if (row >= rows || column >= columns) continue;
    real value = sum[i / 8][i % 8];
    if (bias != nullptr) value += bias[column];
    c[row * product->c_row + column] = squash ? ring_squashed(value) : value;
  }
}

enum { SUM_COLUMNS = 32, SUM_PARTS = 8 };

/* SUM_COLUMNS columns for each block; SUM_PARTS threads share a column, each every SUM_PARTS-th row. */
template <typename real>
__device__ void ring_sums_body(unsigned char *arena, int64_t at_table, int count) {
  __shared__ real parts[SUM_PARTS][SUM_COLUMNS];
  const ring_sum *table = ring_at<ring_sum>(arena, at_table), *sum = table;
  for (int i = 1; i < count && table[i].first_tile <= static_cast<int64_t>(blockIdx.x); i++) sum = table + i;
  const int64_t format = ring_plan_of(arena).format;
  const int part = threadIdx.x / SUM_COLUMNS, lane = threadIdx.x % SUM_COLUMNS;
  const int64_t column = (blockIdx.x - sum->first_tile) * SUM_COLUMNS + lane;
  real total = 0;
  if (column < sum->columns) {
    const real *a = ring_at<real>(arena, sum->at_a) + column;
    const int64_t a_row = sum->a_row, factor_row = sum->factor_row, rows = sum->rows;
    if (sum->at_factor < 0) {
#pragma unroll 8
      for (int64_t n = part; n < rows; n += SUM_PARTS) total += a[n * a_row];
    } else {
      const real *factor = ring_at<real>(arena, sum->at_factor);
#pragma unroll 8
      for (int64_t n = part; n < rows; n += SUM_PARTS)
        total += ring_operand(factor[n * factor_row], format) * ring_operand(a[n * a_row], format);
    }
  }
  parts[part][lane] = total;
  __syncthreads();
  if (part != 0 || column >= sum->columns) return;
  for (int i = 1; i < SUM_PARTS; i++) total += parts[i][lane];
  ring_at<real>(arena, sum->at_result)[column] = total;
}

#endif
