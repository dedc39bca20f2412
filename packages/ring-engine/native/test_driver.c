/*
 * Runs the engine without Node, for sanitizers: random configurations, all modes, all instruction sets this CPU has,
 * several numbers of threads, changing plans, engines that end while a step runs. Fails where results depend on the
 * number of threads, where the exponential family is less accurate than ring_math.h says, and where the fastest plan is
 * not found. Compiled and run by test/system.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring_engine.h"

#define RM_REAL float
#define RM_F64 0
#define RM_SUFFIX f32
#include "ring_math.h"
#define RM_REAL double
#define RM_F64 1
#define RM_SUFFIX f64
#include "ring_math.h"

typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int done;
} signal_box;

static void on_done(void *context) {
  signal_box *box = context;
  pthread_mutex_lock(&box->lock);
  box->done++;
  pthread_cond_signal(&box->changed);
  pthread_mutex_unlock(&box->lock);
}

static uint64_t state;
static uint32_t draw(void) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(state >> 33);
}
static int64_t between(int64_t least, int64_t most) { return least + draw() % (uint32_t)(most - least + 1); }
static double unit(void) { return (double)draw() / 2147483648.0; }

static vrx_ring_config random_config(void) {
  vrx_ring_config c = {
      .ring_len = between(1, 40),     .slot_dim = between(1, 40),        .synth_len = between(1, 12),
      .batch_size = between(1, 9),    .expert_heads = between(1, 5),     .num_classes = between(1, 40),
      .ptr_update_every = between(1, 3), .state_loop_samples = between(0, 3), .state_loop_dim = between(1, 8),
      .sensory_len = between(1, 6),   .sensory_dim = between(1, 20),     .window_radius = between(0, 3),
      .sensory_ring = draw() & 1,     .double_precision = draw() & 1,    .double_pointer = draw() & 1,
      .window_tau = 8,                .deadzone_tau = 0.25,              .update_scale = 1,
      .learning_rate = 1e-3,          .adam_beta1 = 0.9,                 .adam_beta2 = 0.999,
      .adam_epsilon = 1e-8,
  };
  return c;
}

static void fail(const char *what) {
  fprintf(stderr, "test_driver: %s\n", what);
  exit(1);
}

static void step(vrx_ring *ring, signal_box *box, vrx_ring_mode mode, bool forced) {
  pthread_mutex_lock(&box->lock);
  box->done = 0;
  /* Steps may follow any plan; here it changes at random. */
  for (int i = 0; i < 3; i++) ring->paces[i].plan = (int)between(0, ring->plan_count - 1);
  vrx_ring_start(ring, (vrx_ring_request){.mode = mode, .trace = true, .forced = forced});
  while (box->done == 0) pthread_cond_wait(&box->changed, &box->lock);
  pthread_mutex_unlock(&box->lock);
}

/* Four steps from inputs that follow from `seed`; returns the parameters, or NULL where the engine was ended early. */
static double *train(const vrx_ring_config *config, const vrx_ring_ops *ops, uint64_t seed, bool end_early) {
  signal_box box = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
  vrx_ring *ring = NULL;
  size_t bytes;
  state = seed;
  if (vrx_ring_create(config, ops, on_done, &box, &ring, &bytes) != VRX_RING_OK) fail("cannot create an engine");
  size_t count = ring->parameter_count, N = (size_t)ring->rows;
  double *parameters = malloc(count * sizeof *parameters), *x = malloc(N * sizeof *x);
  double *projection = malloc((size_t)(config->slot_dim * config->state_loop_dim) * sizeof *projection);
  for (size_t i = 0; i < count; i++) parameters[i] = unit() - 0.5;
  for (size_t i = 0; i < N; i++) x[i] = 2 * unit() - 1;
  for (int64_t i = 0; i < config->slot_dim * config->state_loop_dim; i++) projection[i] = unit() - 0.5;
  ops->write_vector(ring, parameters, ring->parameters);
  vrx_ring_set_inputs(ring, x);
  if (config->state_loop_samples > 0) vrx_ring_set_projection(ring, projection);
  for (int64_t b = 0; b < config->batch_size; b++) {
    ring->targets[b] = (int32_t)between(0, config->num_classes - 1);
    ring->pointer_unit[b] = unit();
  }
  for (size_t i = 0; i < N; i++) ring->forced_pointers[i] = unit() * (double)config->ring_len;
  free(x);
  free(projection);
  if (end_early) {
    vrx_ring_start(ring, (vrx_ring_request){.mode = VRX_TRAIN});
    vrx_ring_destroy(ring);
    free(parameters);
    return NULL;
  }
  step(ring, &box, VRX_TRAIN, false);
  step(ring, &box, VRX_FORWARD, false);
  step(ring, &box, VRX_GRADIENTS, true);
  step(ring, &box, VRX_TRAIN, true);
  if (!isfinite(ring->loss)) fail("the loss is not finite");
  ops->read_vector(ring, ring->parameters, parameters);
  vrx_ring_destroy(ring);
  return parameters;
}

/* Distance of `found` from `exact` in units of the last place of a format with `digits` binary digits. */
static long double ulps(long double found, long double exact, int digits) {
  return fabsl(found - exact) / ldexpl(1, ilogbl(exact) - digits + 1);
}

static void check_math(void) {
  long double worst_f32 = 0, worst_f64 = 0;
  for (int i = 0; i < 400000; i++) {
    double magnitude = exp(30 * unit() - 26), x = draw() & 1 ? magnitude : -magnitude;
    float narrow = (float)x;
    long double wide = narrow;
    if (fabs(x) > 80) continue;
    worst_f32 = fmaxl(worst_f32, ulps(rm_exp_f32(narrow), expl(wide), FLT_MANT_DIG));
    worst_f32 = fmaxl(worst_f32, ulps(rm_tanh_f32(narrow), tanhl(wide), FLT_MANT_DIG));
    worst_f32 = fmaxl(worst_f32, ulps(rm_sigmoid_f32(narrow), 1 / (1 + expl(-wide)), FLT_MANT_DIG));
    worst_f64 = fmaxl(worst_f64, ulps(rm_exp_f64(x), expl(x), DBL_MANT_DIG));
    worst_f64 = fmaxl(worst_f64, ulps(rm_tanh_f64(x), tanhl(x), DBL_MANT_DIG));
    worst_f64 = fmaxl(worst_f64, ulps(rm_sigmoid_f64(x), 1 / (1 + expl(-(long double)x)), DBL_MANT_DIG));
  }
  printf("largest errors: float %.2Lf, double %.2Lf units in the last place\n", worst_f32, worst_f64);
  if (worst_f32 > 3 || (LDBL_MANT_DIG > DBL_MANT_DIG && worst_f64 > 3)) fail("the exponential family is inaccurate");
  if (!isnan(rm_exp_f32(NAN)) || !isnan(rm_tanh_f32(NAN)) || !isnan(rm_sigmoid_f32(NAN)) || !isnan(rm_exp_f64(NAN)) ||
      !isnan(rm_tanh_f64(NAN)) || !isnan(rm_sigmoid_f64(NAN)) || !isnan(rm_softplus_f64(NAN)))
    fail("NaN is lost");
  if (rm_tanh_f32(INFINITY) != 1 || rm_tanh_f64(-INFINITY) != -1 || rm_sigmoid_f64(INFINITY) != 1)
    fail("infinity is not taken to the limit");
}

/* Whatever plan is the fastest at a time is found, and found again when that changes. */
static void check_pace(void) {
  static const double quiet_s[] = {1, 2, 3}, crowded_s[] = {50, 20, 3}, crowded_waiting[] = {0.9, 0.8, 0};
  vrx_pace pace = vrx_pace_of(3);
  for (int i = 0; i < 100; i++) vrx_pace_learn(&pace, quiet_s[pace.plan], 0.1);
  if (pace.plan != 0) fail("a plan is left without need");
  for (int i = 0; i < 40; i++) vrx_pace_learn(&pace, crowded_s[pace.plan], crowded_waiting[pace.plan]);
  if (pace.plan != 2 && pace.plan_before != 2) fail("the plan that waits least is not found");
  for (int i = 0; i < 200; i++) vrx_pace_learn(&pace, quiet_s[pace.plan], 0.1);
  if (pace.plan != 0) fail("the fastest plan is not found again");
}

int main(int count, char **values) {
  int rounds = count > 1 ? atoi(values[1]) : 20;
  state = 1;
  check_math();
  check_pace();
  for (int round = 0; round < rounds; round++) {
    state = (uint64_t)round * 7919 + 1;
    vrx_ring_config config = random_config();
    for (int level = 0; level <= vrx_ring_best_level(); level++) {
      const vrx_ring_ops *ops = vrx_ring_variant(level, config.double_precision, config.double_pointer);
      double *first = NULL;
      for (int64_t threads = 1; threads <= 5; threads += 2) {
        config.threads = threads;
        double *found = train(&config, ops, (uint64_t)round, false);
        if (first == NULL) {
          first = found;
          continue;
        }
        vrx_ring *shape = NULL;
        size_t bytes, length;
        if (vrx_ring_create(&config, ops, on_done, NULL, &shape, &bytes) != VRX_RING_OK) fail("cannot create an engine");
        length = shape->parameter_count * sizeof *found;
        vrx_ring_destroy(shape);
        if (memcmp(first, found, length) != 0) fail("results depend on the number of threads");
        free(found);
      }
      free(first);
      train(&config, ops, (uint64_t)round, true);
    }
  }
  vrx_ring *none = NULL;
  size_t bytes;
  vrx_ring_config absurd = random_config();
  absurd.threads = 1;
  absurd.ring_len = absurd.slot_dim = absurd.synth_len = INT64_C(1) << 30;
  absurd.batch_size = 1;
  if (vrx_ring_create(&absurd, vrx_ring_variant(0, false, false), on_done, NULL, &none, &bytes) == VRX_RING_OK)
    fail("an absurd configuration was accepted");
  printf("%d configurations\n", rounds);
  return 0;
}
