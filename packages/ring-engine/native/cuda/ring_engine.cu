/*
 * The ring model on CUDA: the kernels of one training step, for both precisions of the model and of its pointers. What
 * they take is in ring_plan.h; in which order they run, in src/internal/cuda-step.ts.
 */
#include "ring_matrix.cuh"
#include "ring_readout.cuh"
#include "ring_recurrence.cuh"
#include "ring_sensory.cuh"
#include "ring_update.cuh"

/* At most one block of a recurrence runs on a multiprocessor, and never more threads. */
enum { RECURRENCE_THREADS = 512, PLAIN_THREADS = 256 };

#define RING_KERNEL(name, threads, ...) \
  extern "C" __global__ void __launch_bounds__(threads) name(__VA_ARGS__)

#define RING_KERNELS_OF(real, suffix)                                                                                  \
  RING_KERNEL(ring_products_##suffix, TILE_THREADS, unsigned char *arena, int64_t at_table, int count) {               \
    ring_products_body<real>(arena, at_table, count);                                                                  \
  }                                                                                                                    \
  VRX_KERNEL(ring_products_##suffix);                                                                                  \
  RING_KERNEL(ring_sums_##suffix, SUM_COLUMNS * SUM_PARTS, unsigned char *arena, int64_t at_table, int count) {        \
    ring_sums_body<real>(arena, at_table, count);                                                                      \
  }                                                                                                                    \
  VRX_KERNEL(ring_sums_##suffix);                                                                                      \
  RING_KERNEL(ring_pack_##suffix, PLAIN_THREADS, unsigned char *arena, int count) { ring_pack_body<real>(arena, count); } \
  VRX_KERNEL(ring_pack_##suffix);                                                                                      \
  RING_KERNEL(ring_project_##suffix, PLAIN_THREADS, unsigned char *arena, int64_t slot, int64_t at_out, int64_t units) { \
    ring_project_body<real>(arena, slot, at_out, units);                                                               \
  }                                                                                                                    \
  VRX_KERNEL(ring_project_##suffix);                                                                                   \
  RING_KERNEL(ring_delay_##suffix, PLAIN_THREADS, unsigned char *arena, int64_t begin, int64_t end) {                  \
    ring_delay_body<real>(arena, begin, end);                                                                          \
  }                                                                                                                    \
  VRX_KERNEL(ring_delay_##suffix);                                                                                     \
  RING_KERNEL(ring_delay_backward_##suffix, PLAIN_THREADS, unsigned char *arena, int64_t begin, int64_t end) {         \
    ring_delay_backward_body<real>(arena, begin, end);                                                                 \
  }                                                                                                                    \
  VRX_KERNEL(ring_delay_backward_##suffix);                                                                            \
  RING_KERNEL(ring_slope_##suffix, PLAIN_THREADS, unsigned char *arena) { ring_slope_body<real>(arena); }              \
  VRX_KERNEL(ring_slope_##suffix);                                                                                     \
  RING_KERNEL(ring_sensory_forward_##suffix, RECURRENCE_THREADS, unsigned char *arena, int64_t begin, int64_t end,     \
              int resident, int64_t shared_bytes) {                                                                    \
    VRX_DYNAMIC_SHARED(unsigned char, shared);                                                                         \
    ring_sensory_forward_body<real>(arena, begin, end, resident, shared, shared_bytes);                           \
  }                                                                                                                    \
  VRX_KERNEL(ring_sensory_forward_##suffix);                                                                           \
  RING_KERNEL(ring_sensory_backward_##suffix, RECURRENCE_THREADS, unsigned char *arena, int64_t begin, int64_t end,    \
              int resident, int64_t shared_bytes) {                                                                    \
    VRX_DYNAMIC_SHARED(unsigned char, shared);                                                                         \
    ring_sensory_backward_body<real>(arena, begin, end, resident, shared, shared_bytes);                          \
  }                                                                                                                    \
  VRX_KERNEL(ring_sensory_backward_##suffix);                                                                          \
  RING_KERNEL(ring_logits_##suffix, READOUT_THREADS, unsigned char *arena) { ring_logits_body<real>(arena); }          \
  VRX_KERNEL(ring_logits_##suffix);                                                                                    \
  RING_KERNEL(ring_loss_##suffix, READOUT_THREADS, unsigned char *arena) { ring_loss_body<real>(arena); }              \
  VRX_KERNEL(ring_loss_##suffix);                                                                                      \
  RING_KERNEL(ring_dfeature_##suffix, PLAIN_THREADS, unsigned char *arena) { ring_dfeature_body<real>(arena); }        \
  VRX_KERNEL(ring_dfeature_##suffix);                                                                                  \
  RING_KERNEL(ring_head_gradients_##suffix, PLAIN_THREADS, unsigned char *arena) {                                     \
    ring_head_gradients_body<real>(arena);                                                                             \
  }                                                                                                                    \
  VRX_KERNEL(ring_head_gradients_##suffix);                                                                            \
  RING_KERNEL(ring_modes_##suffix, PLAIN_THREADS, unsigned char *arena) { ring_modes_body<real>(arena); }              \
  VRX_KERNEL(ring_modes_##suffix);                                                                                     \
  RING_KERNEL(ring_theta_gradients_##suffix, PLAIN_THREADS, unsigned char *arena) {                                    \
    ring_theta_gradients_body<real>(arena);                                                                            \
  }                                                                                                                    \
  VRX_KERNEL(ring_theta_gradients_##suffix);                                                                           \
  RING_KERNEL(ring_conclude_##suffix, PLAIN_THREADS, unsigned char *arena, int64_t without_pointer, int64_t idle_first, \
              int64_t idle_end, int64_t pointer_first, int64_t pointer_end) {                                          \
    ring_conclude_body<real>(arena, without_pointer, idle_first, idle_end, pointer_first, pointer_end);                \
  }                                                                                                                    \
  VRX_KERNEL(ring_conclude_##suffix);                                                                                  \
  RING_KERNEL(ring_unscale_##suffix, PLAIN_THREADS, unsigned char *arena) { ring_unscale_body<real>(arena); }          \
  VRX_KERNEL(ring_unscale_##suffix);                                                                                   \
  RING_KERNEL(ring_adam_##suffix, PLAIN_THREADS, unsigned char *arena) { ring_adam_body<real>(arena); }                \
  VRX_KERNEL(ring_adam_##suffix);                                                                                      \
  RING_KERNEL(ring_erase_##suffix, PLAIN_THREADS, unsigned char *arena, int64_t with_gradient) {                       \
    ring_erase_body<real>(arena, with_gradient);                                                                       \
  }                                                                                                                    \
  VRX_KERNEL(ring_erase_##suffix);

#define RING_KERNELS_OF_BOTH(real, pointer, suffix)                                                                    \
  RING_KERNEL(ring_start_##suffix, PLAIN_THREADS, unsigned char *arena) { ring_start_body<real, pointer>(arena); }     \
  VRX_KERNEL(ring_start_##suffix);                                                                                     \
  RING_KERNEL(ring_forward_##suffix, RECURRENCE_THREADS, unsigned char *arena, int forced, int resident,               \
              int64_t shared_bytes) {                                                                                  \
    VRX_DYNAMIC_SHARED(unsigned char, shared);                                                                         \
    ring_recurrence<real, pointer>(arena).forward(resident, forced != 0, shared, shared_bytes);          \
  }                                                                                                                    \
  VRX_KERNEL(ring_forward_##suffix);                                                                                   \
  RING_KERNEL(ring_backward_##suffix, RECURRENCE_THREADS, unsigned char *arena, int resident, int64_t shared_bytes) {   \
    VRX_DYNAMIC_SHARED(unsigned char, shared);                                                                         \
    ring_recurrence<real, pointer>(arena).backward(resident, shared, shared_bytes);                      \
  }                                                                                                                    \
  VRX_KERNEL(ring_backward_##suffix);

RING_KERNELS_OF(float, f32)
RING_KERNELS_OF(double, f64)
RING_KERNELS_OF_BOTH(float, float, f32_p32)
RING_KERNELS_OF_BOTH(float, double, f32_p64)
RING_KERNELS_OF_BOTH(double, float, f64_p32)
RING_KERNELS_OF_BOTH(double, double, f64_p64)

RING_KERNEL(ring_count, PLAIN_THREADS, unsigned char *arena, int64_t grow_every, double growth, double backoff) {
  ring_count_body(arena, grow_every, growth, backoff);
}
VRX_KERNEL(ring_count);
