/*
 * What every .cu source of vrx includes, instead of CUDA's own headers. Compiled by nvcc it is CUDA with a few names
 * of ours; compiled by a C++ compiler for the host (vrx_cuda_host.h) it is the same language on fibres, so that the
 * source that ships is the source that the fake driver runs.
 *
 * Where both sides differ, a kernel says it through these names:
 *
 *   extern "C" __global__ void scale(float *x, float by) { ... }
 *   VRX_KERNEL(scale);                     after the definition: makes the kernel known to the fake driver by its name
 *   VRX_VARIABLE(counter);                 the same for a __device__ variable
 *   VRX_DYNAMIC_SHARED(float, tile);       float *tile, the dynamic shared memory of the launch
 *   vrx_grid_sync();                       all threads of a cooperative launch meet
 *   vrx_relax();                           in every loop that waits for another thread's write
 */
#ifndef VRX_CUDA_H
#define VRX_CUDA_H

#if defined(__CUDACC__)

#include <cooperative_groups.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

#define VRX_KERNEL(name) static_assert(true, "")
#define VRX_VARIABLE(name) static_assert(true, "")
#define VRX_DYNAMIC_SHARED(type, name)                               \
  extern __shared__ __align__(16) unsigned char vrx_dynamic_bytes[]; \
  type *name = reinterpret_cast<type *>(vrx_dynamic_bytes)

__device__ __forceinline__ void vrx_grid_sync() { cooperative_groups::this_grid().sync(); }

__device__ __forceinline__ void vrx_relax() {
#if __CUDA_ARCH__ >= 700
  __nanosleep(20);
#endif
}

#else

#include "vrx_cuda_host.h"

#endif

#endif
