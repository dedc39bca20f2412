/*
 * The engine as a Node-API module. Steps run on the engine's own threads; the event loop is only used to start them
 * and to hand over their results. All arguments are checked here, whatever the caller checked before.
 *
 * Every engine belongs to the environment (main thread or worker) that made it. It ends by dispose(), when its handle
 * is collected, or when the environment ends; in each case a step under way is waited for.
 */
#include <math.h>
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring_engine.h"

/* Ends the calling function with NULL and an exception pending when a call of Node-API fails. */
#define TRY(call)                                  \
  do {                                             \
    if ((call) != napi_ok) return unexpected(env); \
  } while (0)

static const napi_type_tag ENGINE_TAG = {0x9c1f6f0c5d7b4e21, 0xa4b27e9d10c3586f};

typedef struct {
  vrx_ring *ring; /* NULL once it has ended */
  napi_threadsafe_function wake;
  napi_ref handle; /* strong while a step runs */
  napi_deferred promise;
  bool running, disposed;
} instance;

static void *fail(napi_env env, const char *code, const char *message) {
  napi_throw_error(env, code, message);
  return NULL;
}

/* For failures that only a broken runtime or an ending environment explains, unless an exception does. */
static void *unexpected(napi_env env) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  return pending ? NULL : fail(env, "engine_failure", "an unexpected failure of Node-API");
}

/* Ends the engine, waiting for a step under way. Safe to call again. */
static void end_engine(instance *self) {
  if (self->ring == NULL) return;
  vrx_ring_destroy(self->ring);
  self->ring = NULL;
  napi_release_threadsafe_function(self->wake, napi_tsfn_abort);
}

static void environment_ends(void *argument) { end_engine(argument); }

static void handle_collected(napi_env env, void *data, void *hint) {
  instance *self = data;
  (void)hint;
  napi_remove_env_cleanup_hook(env, environment_ends, self);
  napi_delete_reference(env, self->handle);
  end_engine(self);
  free(self);
}

/* On one of the engine's threads. */
static void step_done(void *context) {
  instance *self = context;
  napi_call_threadsafe_function(self->wake, NULL, napi_tsfn_nonblocking);
}

static double element(const void *values, bool is_double, int64_t i) {
  return is_double ? ((const double *)values)[i] : (double)((const float *)values)[i];
}

static bool set_doubles(napi_env env, napi_value object, const char *name, const void *values, bool is_double,
                        int64_t rows, int64_t columns, int64_t stride) {
  void *data;
  napi_value buffer, array;
  size_t count = (size_t)(rows * columns);
  if (napi_create_arraybuffer(env, count * sizeof(double), &data, &buffer) != napi_ok) return false;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) ((double *)data)[r * columns + c] = element(values, is_double, r * stride + c);
  return napi_create_typedarray(env, napi_float64_array, count, buffer, 0, &array) == napi_ok &&
         napi_set_named_property(env, object, name, array) == napi_ok;
}

static bool set_ints(napi_env env, napi_value object, const char *name, const int32_t *values, int64_t count) {
  void *data;
  napi_value buffer, array;
  size_t bytes = (size_t)count * sizeof(int32_t);
  if (napi_create_arraybuffer(env, bytes, &data, &buffer) != napi_ok) return false;
  if (bytes > 0) memcpy(data, values, bytes);
  return napi_create_typedarray(env, napi_int32_array, (size_t)count, buffer, 0, &array) == napi_ok &&
         napi_set_named_property(env, object, name, array) == napi_ok;
}

static bool make_outcome(napi_env env, const vrx_ring *ring, napi_value *outcome) {
  const vrx_ring_config *c = &ring->config;
  int64_t N = ring->rows, B = c->batch_size, W = ring->width;
  bool real = c->double_precision, ptr = c->double_pointer;
  size_t hidden_offset = (size_t)(B * ring->dim) * (real ? sizeof(double) : sizeof(float));
  napi_value loss;
  if (napi_create_object(env, outcome) != napi_ok || napi_create_double(env, ring->loss, &loss) != napi_ok ||
      napi_set_named_property(env, *outcome, "loss", loss) != napi_ok)
    return false;
  if (!set_doubles(env, *outcome, "logits", ring->logits_copy, real, B, c->num_classes, c->num_classes) ||
      !set_doubles(env, *outcome, "moved", ring->moved, true, B, 1, 1) ||
      !set_doubles(env, *outcome, "raw_moved", ring->raw_moved, true, B, 1, 1) ||
      !set_ints(env, *outcome, "slots", ring->pointer_slots, N) ||
      !set_ints(env, *outcome, "modes", ring->modes, c->state_loop_samples > 0 ? N : 0))
    return false;
  if (!ring->request.trace) return true;
  return set_doubles(env, *outcome, "pointers", ring->pointers, ptr, N, 1, 1) &&
         set_doubles(env, *outcome, "next_pointers", ring->next_pointers, ptr, N, 1, 1) &&
         set_ints(env, *outcome, "centers", ring->centers, N * W) &&
         set_doubles(env, *outcome, "weights", ring->weights, ptr, N, W, W) &&
         set_doubles(env, *outcome, "hidden", (const char *)ring->hidden + hidden_offset, real, N, c->slot_dim,
                     ring->dim);
}

/* Back on the event loop: settles the promise of the step. */
static void step_finished(napi_env env, napi_value unused, void *context, void *data) {
  instance *self = context;
  napi_value outcome;
  (void)unused;
  (void)data;
  if (env == NULL || self->ring == NULL || !self->running) return;
  napi_unref_threadsafe_function(env, self->wake);
  self->running = false;
  if (make_outcome(env, self->ring, &outcome)) {
    napi_resolve_deferred(env, self->promise, outcome);
  } else {
    napi_value error, code, message;
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (pending) napi_get_and_clear_last_exception(env, &error);
    napi_create_string_utf8(env, "out_of_memory", NAPI_AUTO_LENGTH, &code);
    napi_create_string_utf8(env, "the step ran, but its results cannot be allocated", NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, code, message, &error);
    napi_reject_deferred(env, self->promise, error);
  }
  if (self->disposed) end_engine(self);
  napi_reference_unref(env, self->handle, NULL);
}

/* The engine of a call's first argument; NULL with an exception pending when there is none to be had. */
static instance *engine_of(napi_env env, napi_value value, bool must_be_idle) {
  instance *self;
  bool tagged = false;
  napi_valuetype type;
  TRY(napi_typeof(env, value, &type));
  if (type == napi_object) TRY(napi_check_object_type_tag(env, value, &ENGINE_TAG, &tagged));
  if (!tagged) return fail(env, "invalid_argument", "expected an engine made by create()");
  TRY(napi_unwrap(env, value, (void **)&self));
  if (self->disposed || self->ring == NULL)
    return fail(env, "disposed", "this engine was disposed of: make a new one");
  if (must_be_idle && self->running)
    return fail(env, "busy", "a step is still running: await it before the next call");
  return self;
}

/* Missing arguments are undefined, and refused where they are used. */
static bool arguments(napi_env env, napi_callback_info info, size_t expected, napi_value *values) {
  size_t count = expected;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok) return true;
  unexpected(env);
  return false;
}

/* The data of a typed array of the given type and length, or NULL with an exception pending. */
static void *array_data(napi_env env, napi_value value, napi_typedarray_type type, size_t length, const char *name) {
  napi_typedarray_type found;
  size_t found_length = 0;
  void *data = NULL;
  bool is_array = false;
  char message[160];
  TRY(napi_is_typedarray(env, value, &is_array));
  if (is_array) TRY(napi_get_typedarray_info(env, value, &found, &found_length, &data, NULL, NULL));
  if (!is_array || found != type || found_length != length || data == NULL) {
    snprintf(message, sizeof message, "%s: expected a %s of length %zu", name,
             type == napi_float64_array ? "Float64Array" : "Int32Array", length);
    return fail(env, "invalid_argument", message);
  }
  return data;
}

static bool number_property(napi_env env, napi_value object, const char *name, double *to) {
  napi_value value;
  napi_valuetype type;
  char message[120];
  if (napi_get_named_property(env, object, name, &value) == napi_ok && napi_typeof(env, value, &type) == napi_ok &&
      type == napi_number && napi_get_value_double(env, value, to) == napi_ok && isfinite(*to))
    return true;
  snprintf(message, sizeof message, "%s: expected a finite number", name);
  fail(env, "invalid_argument", message);
  return false;
}

static bool count_property(napi_env env, napi_value object, const char *name, int64_t least, int64_t most, int64_t *to) {
  double value;
  char message[160];
  if (!number_property(env, object, name, &value)) return false;
  if (value >= (double)least && value <= (double)most && value == floor(value)) {
    *to = (int64_t)value;
    return true;
  }
  snprintf(message, sizeof message, "%s: expected an integer from %lld to %lld", name, (long long)least, (long long)most);
  fail(env, "invalid_argument", message);
  return false;
}

static bool flag_property(napi_env env, napi_value object, const char *name, bool *to) {
  napi_value value;
  char message[120];
  if (napi_get_named_property(env, object, name, &value) == napi_ok && napi_get_value_bool(env, value, to) == napi_ok)
    return true;
  snprintf(message, sizeof message, "%s: expected true or false", name);
  fail(env, "invalid_argument", message);
  return false;
}

static bool read_config(napi_env env, napi_value object, vrx_ring_config *c, int64_t *level) {
  enum { LARGE = 1 << 30, HEADS = 1 << 22, THREADS = 1024, RADIUS = 1 << 16, LEVEL = 2 };
  return count_property(env, object, "ring_len", 1, LARGE, &c->ring_len) &&
         count_property(env, object, "slot_dim", 1, LARGE, &c->slot_dim) &&
         count_property(env, object, "synth_len", 1, LARGE, &c->synth_len) &&
         count_property(env, object, "batch_size", 1, LARGE, &c->batch_size) &&
         count_property(env, object, "expert_heads", 1, HEADS, &c->expert_heads) &&
         count_property(env, object, "num_classes", 1, LARGE, &c->num_classes) &&
         count_property(env, object, "ptr_update_every", 1, INT64_C(1) << 53, &c->ptr_update_every) &&
         count_property(env, object, "state_loop_samples", 0, INT64_C(1) << 53, &c->state_loop_samples) &&
         count_property(env, object, "state_loop_dim", 1, LARGE, &c->state_loop_dim) &&
         count_property(env, object, "sensory_len", 1, LARGE, &c->sensory_len) &&
         count_property(env, object, "sensory_dim", 1, LARGE, &c->sensory_dim) &&
         count_property(env, object, "window_radius", 0, RADIUS, &c->window_radius) &&
         count_property(env, object, "threads", 1, THREADS, &c->threads) &&
         count_property(env, object, "level", 0, LEVEL, level) &&
         flag_property(env, object, "sensory_ring", &c->sensory_ring) &&
         flag_property(env, object, "double_precision", &c->double_precision) &&
         flag_property(env, object, "double_pointer", &c->double_pointer) &&
         number_property(env, object, "window_tau", &c->window_tau) &&
         number_property(env, object, "deadzone_tau", &c->deadzone_tau) &&
         number_property(env, object, "update_scale", &c->update_scale) &&
         number_property(env, object, "learning_rate", &c->learning_rate) &&
         number_property(env, object, "adam_beta1", &c->adam_beta1) &&
         number_property(env, object, "adam_beta2", &c->adam_beta2) &&
         number_property(env, object, "adam_epsilon", &c->adam_epsilon);
}

static napi_value fail_create(napi_env env, vrx_ring_status status, size_t bytes, int64_t threads) {
  char message[200];
  switch (status) {
    case VRX_RING_TOO_LARGE:
      return fail(env, "out_of_memory", "the sizes of this configuration exceed what can be addressed: make it smaller");
    case VRX_RING_NO_THREADS:
      snprintf(message, sizeof message, "cannot start %lld threads: ask for fewer", (long long)threads);
      return fail(env, "engine_failure", message);
    default:
      snprintf(message, sizeof message, "cannot allocate %.1f MiB: make the configuration smaller",
               (double)bytes / (1024.0 * 1024.0));
      return fail(env, "out_of_memory", message);
  }
}

/* create(config): an engine, all parameters zero. */
static napi_value create(napi_env env, napi_callback_info info) {
  napi_value config_object, handle, name;
  vrx_ring_config config;
  int64_t level;
  size_t bytes = 0;
  const vrx_ring_ops *ops;
  vrx_ring_status status;
  instance *self;
  memset(&config, 0, sizeof config);
  if (!arguments(env, info, 1, &config_object) || !read_config(env, config_object, &config, &level)) return NULL;
  ops = vrx_ring_variant((int)level, config.double_precision, config.double_pointer);
  if (ops == NULL) return fail(env, "unsupported", "this CPU lacks the instructions asked for");
  self = calloc(1, sizeof *self);
  if (self == NULL) return fail(env, "out_of_memory", "cannot allocate an engine");
  status = vrx_ring_create(&config, ops, step_done, self, &self->ring, &bytes);
  if (status != VRX_RING_OK) {
    free(self);
    return fail_create(env, status, bytes, config.threads);
  }
  if (napi_create_string_utf8(env, "vrx ring step", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, self, step_finished, &self->wake) !=
          napi_ok) {
    vrx_ring_destroy(self->ring);
    free(self);
    return fail(env, "engine_failure", "cannot connect the engine's threads to the event loop");
  }
  napi_unref_threadsafe_function(env, self->wake);
  if (napi_create_object(env, &handle) != napi_ok || napi_type_tag_object(env, handle, &ENGINE_TAG) != napi_ok ||
      napi_wrap(env, handle, self, handle_collected, NULL, &self->handle) != napi_ok) {
    end_engine(self);
    free(self);
    return fail(env, "engine_failure", "cannot make a handle for the engine");
  }
  napi_add_env_cleanup_hook(env, environment_ends, self);
  return handle;
}

static bool check_batch(napi_env env, const vrx_ring *ring, const int32_t *y, const double *unit, const double *forced) {
  for (int64_t b = 0; b < ring->config.batch_size; b++) {
    if (y[b] < 0 || y[b] >= ring->config.num_classes) {
      fail(env, "invalid_argument", "y: expected class indices from 0 to num_classes - 1");
      return false;
    }
    if (!(unit[b] >= 0 && unit[b] <= 1)) {
      fail(env, "invalid_argument", "pointer_unit: expected draws from [0, 1)");
      return false;
    }
  }
  for (int64_t n = 0; forced != NULL && n < ring->rows; n++) {
    if (!(forced[n] >= 0 && forced[n] <= (double)ring->config.ring_len)) {
      fail(env, "invalid_argument", "forced_pointers: expected positions from 0 to ring_len");
      return false;
    }
  }
  return true;
}

static bool is_nullish(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type == napi_undefined || type == napi_null;
}

/* run(engine, x, y, pointer_unit, mode, trace, forced_pointers?, projection?): a promise of the outcome. */
static napi_value run(napi_env env, napi_callback_info info) {
  napi_value values[8], promise;
  instance *self;
  vrx_ring *ring;
  const double *x, *unit, *forced = NULL, *projection = NULL;
  const int32_t *y;
  uint32_t mode;
  bool trace;
  if (!arguments(env, info, 8, values)) return NULL;
  if ((self = engine_of(env, values[0], true)) == NULL) return NULL;
  ring = self->ring;
  size_t B = (size_t)ring->config.batch_size, N = (size_t)ring->rows;
  if ((x = array_data(env, values[1], napi_float64_array, N, "x")) == NULL) return NULL;
  if ((y = array_data(env, values[2], napi_int32_array, B, "y")) == NULL) return NULL;
  if ((unit = array_data(env, values[3], napi_float64_array, B, "pointer_unit")) == NULL) return NULL;
  if (napi_get_value_uint32(env, values[4], &mode) != napi_ok || mode > VRX_FORWARD)
    return fail(env, "invalid_argument", "mode: expected 0 (train), 1 (gradients) or 2 (forward)");
  if (napi_get_value_bool(env, values[5], &trace) != napi_ok)
    return fail(env, "invalid_argument", "trace: expected true or false");
  if (!is_nullish(env, values[6]) &&
      (forced = array_data(env, values[6], napi_float64_array, N, "forced_pointers")) == NULL)
    return NULL;
  if (ring->config.state_loop_samples > 0) {
    size_t length = (size_t)(ring->config.slot_dim * ring->config.state_loop_dim);
    if ((projection = array_data(env, values[7], napi_float64_array, length, "state_loop_projection")) == NULL)
      return NULL;
  }
  if (!check_batch(env, ring, y, unit, forced)) return NULL;
  TRY(napi_create_promise(env, &self->promise, &promise));
  vrx_ring_set_inputs(ring, x);
  memcpy(ring->targets, y, B * sizeof *y);
  memcpy(ring->pointer_unit, unit, B * sizeof *unit);
  if (forced != NULL) memcpy(ring->forced_pointers, forced, N * sizeof *forced);
  if (projection != NULL) vrx_ring_set_projection(ring, projection);
  self->running = true;
  napi_reference_ref(env, self->handle, NULL);
  napi_ref_threadsafe_function(env, self->wake);
  vrx_ring_start(ring, (vrx_ring_request){.mode = (vrx_ring_mode)mode, .trace = trace, .forced = forced != NULL});
  return promise;
}

/* The four vectors over all parameters, by number: parameters, gradients, first and second moments. */
static void *vector_of(napi_env env, const vrx_ring *ring, napi_value which) {
  uint32_t number = 4;
  void *const vectors[] = {ring->parameters, ring->gradients, ring->first_moment, ring->second_moment};
  if (napi_get_value_uint32(env, which, &number) != napi_ok || number > 3)
    return fail(env, "invalid_argument", "vector: expected a number from 0 to 3");
  return vectors[number];
}

/* read(engine, vector): a Float64Array over all parameters. */
static napi_value read(napi_env env, napi_callback_info info) {
  napi_value values[2], buffer, array;
  instance *self;
  void *vector, *data;
  if (!arguments(env, info, 2, values) || (self = engine_of(env, values[0], true)) == NULL) return NULL;
  if ((vector = vector_of(env, self->ring, values[1])) == NULL) return NULL;
  size_t count = self->ring->parameter_count;
  TRY(napi_create_arraybuffer(env, count * sizeof(double), &data, &buffer));
  self->ring->ops->read_vector(self->ring, vector, data);
  TRY(napi_create_typedarray(env, napi_float64_array, count, buffer, 0, &array));
  return array;
}

/* write(engine, vector, values). */
static napi_value write(napi_env env, napi_callback_info info) {
  napi_value values[3];
  instance *self;
  void *vector;
  const double *data;
  if (!arguments(env, info, 3, values) || (self = engine_of(env, values[0], true)) == NULL) return NULL;
  if ((vector = vector_of(env, self->ring, values[1])) == NULL) return NULL;
  data = array_data(env, values[2], napi_float64_array, self->ring->parameter_count, "values");
  if (data == NULL) return NULL;
  self->ring->ops->write_vector(self->ring, data, vector);
  self->ring->packed = false;
  return NULL;
}

/* slots(engine): { present, updates }, Int32Arrays with one element per parameter. */
static napi_value slots(napi_env env, napi_callback_info info) {
  napi_value value, result;
  instance *self;
  if (!arguments(env, info, 1, &value) || (self = engine_of(env, value, true)) == NULL) return NULL;
  const vrx_ring *ring = self->ring;
  size_t bytes = (size_t)ring->slot_count * sizeof(int32_t);
  int32_t *present = malloc(bytes), *updates = malloc(bytes);
  int64_t count = 0;
  bool done = false;
  TRY(napi_create_object(env, &result));
  if (present != NULL && updates != NULL) {
    for (int64_t s = 0; s < ring->slot_count; s++) {
      if (ring->slots[s].length == 0) continue;
      present[count] = ring->slots[s].present;
      updates[count++] = ring->slots[s].updates;
    }
    done = set_ints(env, result, "present", present, count) && set_ints(env, result, "updates", updates, count);
  }
  free(present);
  free(updates);
  return done ? result : unexpected(env);
}

/* setUpdates(engine, Int32Array): how often each parameter was updated. */
static napi_value set_updates(napi_env env, napi_callback_info info) {
  napi_value values[2];
  instance *self;
  size_t count = 0;
  if (!arguments(env, info, 2, values) || (self = engine_of(env, values[0], true)) == NULL) return NULL;
  vrx_ring *ring = self->ring;
  for (int64_t s = 0; s < ring->slot_count; s++) count += ring->slots[s].length > 0 ? 1 : 0;
  const int32_t *data = array_data(env, values[1], napi_int32_array, count, "updates");
  if (data == NULL) return NULL;
  for (size_t i = 0; i < count; i++)
    if (data[i] < 0) return fail(env, "invalid_argument", "updates: expected counts of at least 0");
  for (int64_t s = 0; s < ring->slot_count; s++)
    if (ring->slots[s].length > 0) ring->slots[s].updates = *data++;
  return NULL;
}

/* parameterCount(engine): elements of the vectors that read and write move. */
static napi_value parameter_count(napi_env env, napi_callback_info info) {
  napi_value value, result;
  instance *self;
  if (!arguments(env, info, 1, &value) || (self = engine_of(env, value, false)) == NULL) return NULL;
  TRY(napi_create_double(env, (double)self->ring->parameter_count, &result));
  return result;
}

/* memoryBytes(engine): all it holds, touched or not. */
static napi_value memory_bytes(napi_env env, napi_callback_info info) {
  napi_value value, result;
  instance *self;
  if (!arguments(env, info, 1, &value) || (self = engine_of(env, value, false)) == NULL) return NULL;
  TRY(napi_create_double(env, (double)self->ring->block_bytes, &result));
  return result;
}

/* dispose(engine): at once, or as soon as the step under way is done. Disposing again does nothing. */
static napi_value dispose(napi_env env, napi_callback_info info) {
  napi_value value;
  instance *self;
  bool tagged = false;
  napi_valuetype type;
  if (!arguments(env, info, 1, &value)) return NULL;
  TRY(napi_typeof(env, value, &type));
  if (type == napi_object) TRY(napi_check_object_type_tag(env, value, &ENGINE_TAG, &tagged));
  if (!tagged) return fail(env, "invalid_argument", "expected an engine made by create()");
  TRY(napi_unwrap(env, value, (void **)&self));
  self->disposed = true;
  if (!self->running) end_engine(self);
  return NULL;
}

/* levels(): names of the instruction-set levels this CPU can run, lowest first. */
static napi_value levels(napi_env env, napi_callback_info info) {
  napi_value result, name;
  (void)info;
  TRY(napi_create_array(env, &result));
  for (int level = 0; level <= vrx_ring_best_level(); level++) {
    TRY(napi_create_string_utf8(env, vrx_ring_level_name(level), NAPI_AUTO_LENGTH, &name));
    TRY(napi_set_element(env, result, (uint32_t)level, name));
  }
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"create", NULL, create, NULL, NULL, NULL, napi_enumerable, NULL},
      {"run", NULL, run, NULL, NULL, NULL, napi_enumerable, NULL},
      {"read", NULL, read, NULL, NULL, NULL, napi_enumerable, NULL},
      {"write", NULL, write, NULL, NULL, NULL, napi_enumerable, NULL},
      {"slots", NULL, slots, NULL, NULL, NULL, napi_enumerable, NULL},
      {"setUpdates", NULL, set_updates, NULL, NULL, NULL, napi_enumerable, NULL},
      {"parameterCount", NULL, parameter_count, NULL, NULL, NULL, napi_enumerable, NULL},
      {"memoryBytes", NULL, memory_bytes, NULL, NULL, NULL, napi_enumerable, NULL},
      {"dispose", NULL, dispose, NULL, NULL, NULL, napi_enumerable, NULL},
      {"levels", NULL, levels, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  TRY(napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions));
  return exports;
}
