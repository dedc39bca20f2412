/*
 * Runs the grid of a launch: its threads are fibres that take turns on the calling thread. A block runs until it ends or
 * can only wait for other blocks; shared memory is exchanged when another one goes on.
 */
#ifndef VRX_FAKE_GRID_H
#define VRX_FAKE_GRID_H

#include <stddef.h>
#include <stdint.h>

#include <memory>
#include <string>
#include <vector>

#include "include/vrx_host_image.h"

namespace fake {

enum class Outcome { ok, illegal_address, misaligned, trap, assertion, deadlock, timeout, no_memory };

/* In which order ready threads take turns; a correct kernel gives the same result under every one. */
struct Schedule {
  enum Order { ascending, descending, shuffled } order = ascending;
  uint64_t seed = 0;
};

struct GridRequest {
  const vrx_host_image *image;
  uint64_t module; /* another one for every time that an image was loaded: addresses come again */
  const vrx_host_kernel *kernel;
  void **parameters;
  vrx_host_launch shape;
  size_t dynamic_shared;
  bool cooperative;
  /* How many blocks may have begun and not ended; all of them, in a cooperative launch. */
  size_t resident_blocks;
  Schedule schedule;
};

struct GridResult {
  Outcome outcome;
  std::string what; /* what went wrong, for people */
};

/* Runs the whole grid. To be called on one and the same thread for every launch of an image. */
GridResult run_grid(const GridRequest &request);

/* Prepares the process: faults of running kernels become results, all others go to who handled them before. */
void catch_faults();

}  // namespace fake

#endif
