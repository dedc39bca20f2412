/*
 * The border between a kernel image compiled for the host and the fake driver that runs it. An image is a shared object
 * that exports `vrx_host_image`; it calls nothing of the driver but what the driver gives it in `runtime`.
 */
#ifndef VRX_HOST_IMAGE_H
#define VRX_HOST_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Raised whenever anything below changes: a driver runs only images of its own version. */
#define VRX_HOST_IMAGE_VERSION 1u

struct uint3 {
  unsigned x, y, z;
};

struct vrx_host_launch {
  uint3 grid_dim, block_dim;
};

/* One CUDA thread, as its own code sees it. */
struct vrx_host_thread {
  uint3 thread_idx, block_idx;
  unsigned lane;
  const vrx_host_launch *launch;
  void *dynamic_shared;
};

enum vrx_host_barrier { VRX_BARRIER_PLAIN, VRX_BARRIER_AND, VRX_BARRIER_OR, VRX_BARRIER_COUNT };
enum vrx_host_trap { VRX_TRAP_ASSERT, VRX_TRAP_INSTRUCTION };

/* What a running thread may ask of the driver. */
struct vrx_host_runtime {
  /* Meets the block's other threads; the result is that of the reduction over their predicates. */
  int (*block_barrier)(vrx_host_barrier kind, int predicate);
  /* Meets all threads of the grid; ends the launch with an error where it is not a cooperative one. */
  void (*grid_barrier)();
  /*
   * Meets the lanes in `mask` and returns the 32 values they brought, valid until the lane's next exchange. Lanes that
   * have ended or never were are left out of `present`, and what they bring is all ones.
   */
  const uint64_t *(*warp_exchange)(uint32_t mask, uint64_t value, uint32_t *present);
  uint32_t (*active_lanes)();
  /* Lets other threads run. */
  void (*relax)();
  /* Ends the launch with an error. */
  void (*trap)(vrx_host_trap kind, const char *what);
};

struct vrx_host_kernel {
  const char *name;
  void (*run)(void **parameters);
  const size_t *parameter_sizes;
  size_t parameter_count;
  const vrx_host_kernel *next;
};

struct vrx_host_variable {
  const char *name;
  void *address;
  size_t bytes;
  const vrx_host_variable *next;
};

struct vrx_host_image {
  uint32_t version;
  const vrx_host_kernel *kernels;
  const vrx_host_variable *variables;
  /* Where the image looks for the thread that runs, and for the driver. */
  vrx_host_thread **thread;
  const vrx_host_runtime **runtime;
  /* An address within the calling thread's copy of the image's shared memory. */
  char *(*touch_shared)();
};

#endif
