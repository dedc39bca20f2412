#include "call.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvml.h"

bool vrx_called(vrx_failure *failure, const vrx_driver *driver, CUresult result, const char *call, const char *site) {
  if (result == CUDA_SUCCESS) return true;
  if (failure->call == NULL) {
    const char *base = strrchr(site, '/');
    failure->driver = driver;
    failure->result = result;
    failure->call = call;
    failure->site = base == NULL ? site : base + 1;
  }
  return false;
}

bool vrx_enter(const vrx_context *context, vrx_failure *failure) {
  failure->device = context->pci_bus_id;
  return VRX_CALL(failure, context->driver, cuCtxPushCurrent_v2, context->context);
}

void vrx_leave(const vrx_context *context) {
  CUcontext popped;
  context->driver->cuda.cuCtxPopCurrent_v2(&popped);
}

/* For failures that only a broken runtime or an ending environment explains, unless an exception does. */
void *vrx_unexpected(napi_env env) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  return pending ? NULL : vrx_refuse(env, "driver_error", "an unexpected failure of Node-API");
}

static napi_value make_error(napi_env env, const char *code, const char *message) {
  napi_value text, words, error;
  if (napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &text) != napi_ok ||
      napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &words) != napi_ok ||
      napi_create_error(env, text, words, &error) != napi_ok)
    return NULL;
  return error;
}

void *vrx_refuse(napi_env env, const char *code, const char *format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  napi_throw_error(env, code, message);
  return NULL;
}

/*
 * Results behind which a device may have fallen off the bus: DEVICE_UNAVAILABLE, OPERATING_SYSTEM, ILLEGAL_STATE,
 * LAUNCH_FAILED and UNKNOWN. CUDA has no result for that; NVML has.
 */
static bool may_be_lost(CUresult result) {
  return result == 46 || result == 304 || result == 401 || result == 719 || result == 999;
}

napi_value vrx_error(napi_env env, const vrx_failure *failure) {
  char message[1280];
  const char *name = NULL, *text = NULL;
  if (failure->result == VRX_NO_FUNCTION) {
    snprintf(message, sizeof message, "this driver has no %s", failure->call);
    return make_error(env, "not_supported", message);
  }
  if (failure->driver != NULL) {
    if (failure->driver->cuda.cuGetErrorName(failure->result, &name) != CUDA_SUCCESS) name = NULL;
    if (failure->driver->cuda.cuGetErrorString(failure->result, &text) != CUDA_SUCCESS) text = NULL;
  }
  if (name == NULL) name = "an unknown result";
  if (text == NULL) text = "unknown";
  int length = snprintf(message, sizeof message, "%s: %s (%d), %s%s%s", failure->call, name, failure->result, text,
                        failure->detail[0] == 0 ? "" : ": ", failure->detail);
  bool lost = may_be_lost(failure->result) && vrx_nvml_says_lost(failure->driver, failure->device);
  if (lost && length > 0 && (size_t)length < sizeof message)
    snprintf(message + length, sizeof message - (size_t)length,
             "; the GPU at %s is lost (NVML_ERROR_GPU_IS_LOST): look for Xid in the kernel's log, and reset it or restart",
             failure->device);
  napi_value error = make_error(env, "cuda", message);
  if (error == NULL || !vrx_set_number(env, error, "result", failure->result) ||
      !vrx_set_text(env, error, "result_name", name) || !vrx_set_text(env, error, "text", text) ||
      !vrx_set_text(env, error, "call", failure->call) || !vrx_set_text(env, error, "site", failure->site) ||
      !vrx_set_number(env, error, "lost", lost))
    return NULL;
  return error;
}

void *vrx_throw(napi_env env, const vrx_failure *failure) {
  napi_value error = vrx_error(env, failure);
  if (error == NULL) return vrx_unexpected(env);
  napi_throw(env, error);
  return NULL;
}

bool vrx_arguments(napi_env env, napi_callback_info info, size_t expected, napi_value *values) {
  size_t count = expected;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok) return true;
  vrx_unexpected(env);
  return false;
}

static bool whole_number(napi_env env, napi_value value, const char *name, double least, double most, double *to) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_number && napi_get_value_double(env, value, to) == napi_ok &&
      *to >= least && *to <= most && *to == floor(*to))
    return true;
  vrx_refuse(env, "invalid_argument", "%s: expected an integer from %.0f to %.0f", name, least, most);
  return false;
}

bool vrx_size(napi_env env, napi_value value, const char *name, size_t *to) {
  double number;
  if (!whole_number(env, value, name, 0, 9007199254740991.0, &number)) return false;
  *to = (size_t)number;
  return true;
}

bool vrx_int(napi_env env, napi_value value, const char *name, int *to) {
  double number;
  if (!whole_number(env, value, name, -2147483648.0, 2147483647.0, &number)) return false;
  *to = (int)number;
  return true;
}

bool vrx_bool(napi_env env, napi_value value, const char *name, bool *to) {
  if (napi_get_value_bool(env, value, to) == napi_ok) return true;
  vrx_refuse(env, "invalid_argument", "%s: expected true or false", name);
  return false;
}

bool vrx_bytes(napi_env env, napi_value value, const char *name, void **data, size_t *bytes) {
  static const size_t widths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  static char nothing;
  bool typed = false, view = false, known = false;
  if (napi_is_typedarray(env, value, &typed) == napi_ok && typed) {
    napi_typedarray_type type;
    size_t length;
    if (napi_get_typedarray_info(env, value, &type, &length, data, NULL, NULL) == napi_ok &&
        (size_t)type < sizeof widths / sizeof *widths) {
      *bytes = length * widths[type];
      known = true;
    }
  } else if (napi_is_dataview(env, value, &view) == napi_ok && view) {
    known = napi_get_dataview_info(env, value, bytes, data, NULL, NULL) == napi_ok;
  }
  if (known && *bytes == 0) *data = &nothing;
  if (known && *data != NULL) return true;
  vrx_refuse(env, "invalid_argument", "%s: expected a typed array or a DataView", name);
  return false;
}

bool vrx_text(napi_env env, napi_value value, const char *name, char *to, size_t capacity) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) == napi_ok && length < capacity &&
      napi_get_value_string_utf8(env, value, to, capacity, &length) == napi_ok && strlen(to) == length)
    return true;
  vrx_refuse(env, "invalid_argument", "%s: expected a text of less than %zu bytes", name, capacity);
  return false;
}

bool vrx_is_null(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type == napi_undefined || type == napi_null;
}

bool vrx_optional_text(napi_env env, napi_value value, const char *name, char **to) {
  enum { CAPACITY = 4096 };
  *to = NULL;
  if (vrx_is_null(env, value)) return true;
  char *text = malloc(CAPACITY);
  if (text == NULL) {
    vrx_refuse(env, "out_of_memory", "the host has no memory for a text");
    return false;
  }
  if (!vrx_text(env, value, name, text, CAPACITY)) {
    free(text);
    return false;
  }
  *to = text;
  return true;
}

bool vrx_set(napi_env env, napi_value object, const char *name, napi_value value) {
  return value != NULL && napi_set_named_property(env, object, name, value) == napi_ok;
}

napi_value vrx_number(napi_env env, double value) {
  napi_value number;
  return napi_create_double(env, value, &number) == napi_ok ? number : NULL;
}

bool vrx_set_number(napi_env env, napi_value object, const char *name, double value) {
  return vrx_set(env, object, name, vrx_number(env, value));
}

bool vrx_set_text(napi_env env, napi_value object, const char *name, const char *value) {
  napi_value text;
  napi_status status =
      value == NULL ? napi_get_null(env, &text) : napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &text);
  return status == napi_ok && vrx_set(env, object, name, text);
}

napi_value vrx_copy_of(napi_env env, const void *bytes, size_t count) {
  napi_value buffer, array;
  void *data;
  if (napi_create_arraybuffer(env, count, &data, &buffer) != napi_ok) return NULL;
  if (count > 0) memcpy(data, bytes, count);
  return napi_create_typedarray(env, napi_uint8_array, count, buffer, 0, &array) == napi_ok ? array : NULL;
}

static void run_job(napi_env env, void *data) {
  vrx_job *job = data;
  (void)env;
  job->run(job);
}

static void end_job(napi_env env, vrx_job *job) {
  for (size_t i = 0; i < sizeof job->uses / sizeof *job->uses; i++) vrx_unuse(job->uses[i]);
  if (job->clean != NULL) job->clean(job);
  if (job->work != NULL) napi_delete_async_work(env, job->work);
  free(job);
}

/* Back on the event loop. In an environment that ends, nobody waits for the promise any more. */
static void finish_job(napi_env env, napi_status status, void *data) {
  vrx_job *job = data;
  napi_value value = NULL, error = NULL;
  bool pending = false;
  if (status == napi_ok && job->refusal != NULL)
    error = make_error(env, job->refusal, job->failure.detail);
  else if (status == napi_ok && job->failure.call != NULL)
    error = vrx_error(env, &job->failure);
  else if (status == napi_ok)
    value = job->finish == NULL ? NULL : job->finish(env, job);
  napi_is_exception_pending(env, &pending);
  if (pending) napi_get_and_clear_last_exception(env, &error);
  if (error != NULL) {
    napi_reject_deferred(env, job->promise, error);
  } else {
    if (value == NULL) napi_get_undefined(env, &value);
    napi_resolve_deferred(env, job->promise, value);
  }
  end_job(env, job);
}

napi_value vrx_start(napi_env env, vrx_job *job, const char *name) {
  napi_value promise, resource;
  for (size_t i = 0; i < sizeof job->uses / sizeof *job->uses; i++) vrx_use(job->uses[i]);
  if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource) == napi_ok &&
      napi_create_async_work(env, NULL, resource, run_job, finish_job, job, &job->work) == napi_ok &&
      napi_create_promise(env, &job->promise, &promise) == napi_ok &&
      napi_queue_async_work(env, job->work) == napi_ok)
    return promise;
  end_job(env, job);
  return vrx_unexpected(env);
}
