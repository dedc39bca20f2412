/*
 * The choice among the compilations of the engine by what the CPU can do. Levels: 0 runs on every CPU of the
 * architecture, 1 needs AVX2 and FMA, 2 needs AVX-512 (F, BW, DQ, VL).
 */
#include "ring_engine.h"

#define DECLARE(level)                                                                                      \
  extern const vrx_ring_ops vrx_ring_ops_f32_p32_##level, vrx_ring_ops_f32_p64_##level, vrx_ring_ops_f64_p32_##level, \
      vrx_ring_ops_f64_p64_##level;
#define VARIANTS(level)                                                   \
  {                                                                       \
    {&vrx_ring_ops_f32_p32_##level, &vrx_ring_ops_f32_p64_##level}, {     \
      &vrx_ring_ops_f64_p32_##level, &vrx_ring_ops_f64_p64_##level        \
    }                                                                     \
  }

DECLARE(0)
#if defined(__x86_64__)
DECLARE(1)
DECLARE(2)
#endif

static const vrx_ring_ops *const variants[][2][2] = {
    VARIANTS(0),
#if defined(__x86_64__)
    VARIANTS(1),
    VARIANTS(2),
#endif
};

int vrx_ring_best_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return 2;
  return 1;
#else
  return 0;
#endif
}

const char *vrx_ring_level_name(int level) {
  static const char *const names[] = {"generic", "avx2", "avx512"};
  return level >= 0 && level < 3 ? names[level] : "unknown";
}

const vrx_ring_ops *vrx_ring_variant(int level, bool double_precision, bool double_pointer) {
  if (level < 0 || level > vrx_ring_best_level()) return NULL;
  return variants[level][double_precision ? 1 : 0][double_pointer ? 1 : 0];
}
