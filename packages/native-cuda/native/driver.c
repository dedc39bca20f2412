/*
 * Loading the CUDA driver: finding it, finding its functions one by one, starting it, and asking which devices there are.
 * A driver that was loaded stays so: unloading one under its own threads is not defined.
 */
#include "driver.h"

#include <dlfcn.h>
#ifdef __linux__
#include <link.h>
#endif
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

char *vrx_file_of(void *library, void *function) {
  const char *name = NULL;
#ifdef __linux__
  struct link_map *map = NULL;
  (void)function;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map != NULL) name = map->l_name;
#else
  Dl_info where;
  (void)library;
  if (function != NULL && dladdr(function, &where) != 0) name = where.dli_fname;
#endif
  if (name == NULL) return NULL;
  char *real = realpath(name, NULL);
  return real != NULL ? real : strdup(name);
}

void *vrx_load_library(const char *library, const char *const *usual, char *detail, size_t capacity) {
  const char *const given[] = {library, NULL};
  detail[0] = 0;
  for (const char *const *name = library != NULL ? given : usual; *name != NULL; name++) {
    void *loaded = dlopen(*name, RTLD_NOW | RTLD_LOCAL);
    if (loaded != NULL) return loaded;
    const char *why = dlerror();
    /* The first name is the usual one: what is wrong with it says most. */
    if (detail[0] == 0) snprintf(detail, capacity, "%s", why == NULL ? "dlopen failed" : why);
  }
  return NULL;
}

/* dlsym gives an object pointer; POSIX says that it may be used as a function. */
void vrx_symbol(void *library, const char *name, void *function) {
  void *found = dlsym(library, name);
  memcpy(function, &found, sizeof found);
}

static bool release_driver(vrx_object *object, vrx_failure *failure) {
  vrx_driver *self = (vrx_driver *)object;
  (void)failure;
  free(self->file);
  self->file = NULL;
  return true;
}

typedef struct {
  vrx_job job;
  char *wanted;
  vrx_driver *driver; /* becomes the object when all went well */
  vrx_driver made;    /* filled on the other thread */
  const char *stage;  /* where it ended; NULL at the end */
  char detail[512];
  CUresult result;
} driver_job;

static bool find_functions(vrx_driver *driver, char *detail, size_t capacity) {
  const char *missing = NULL;
#define FIND(name, parameters) vrx_symbol(driver->library, #name, &driver->cuda.name);
#define NEED(name, parameters) \
  if (driver->cuda.name == NULL && missing == NULL) missing = #name;
  VRX_CUDA_REQUIRED(FIND)
  VRX_CUDA_OPTIONAL(FIND)
  VRX_CUDA_REQUIRED(NEED)
#undef FIND
#undef NEED
  vrx_symbol(driver->library, "vrxFakeDriver", &driver->fake);
  if (missing != NULL) snprintf(detail, capacity, "%s is missing", missing);
  return missing == NULL;
}

static void run_open(vrx_job *base) {
  static const char *const usual[] = {"libcuda.so.1", "libcuda.so", "/usr/lib/wsl/lib/libcuda.so.1", NULL};
  driver_job *job = (driver_job *)base;
  vrx_driver *driver = &job->made;
  job->stage = "load";
  driver->library = vrx_load_library(job->wanted, usual, job->detail, sizeof job->detail);
  if (driver->library == NULL) return;
  job->stage = "symbols";
  bool complete = find_functions(driver, job->detail, sizeof job->detail);
  void *known = NULL;
  memcpy(&known, &driver->cuda.cuInit, sizeof known);
  driver->file = vrx_file_of(driver->library, known);
  if (!complete) return;
  job->stage = "version";
  job->result = driver->cuda.cuDriverGetVersion(&driver->api_version);
  if (job->result != CUDA_SUCCESS) return;
  job->stage = "init";
  job->result = driver->cuda.cuInit(0);
  if (job->result != CUDA_SUCCESS) return;
  job->stage = "count";
  job->result = driver->cuda.cuDeviceGetCount(&driver->device_count);
  if (job->result == CUDA_SUCCESS && driver->device_count == 0) job->result = 100; /* CUDA_ERROR_NO_DEVICE */
  if (job->result == CUDA_SUCCESS) job->stage = NULL;
}

napi_value vrx_stage_failure(napi_env env, const char *stage, const char *detail, const char *file, int api_version,
                             int result, const char *name) {
  napi_value outcome, null;
  TRY(napi_create_object(env, &outcome));
  TRY(napi_get_null(env, &null));
  if (!vrx_set_text(env, outcome, "status", "failed") || !vrx_set_text(env, outcome, "stage", stage) ||
      !vrx_set_text(env, outcome, "detail", detail) || !vrx_set_text(env, outcome, "file", file) ||
      !vrx_set(env, outcome, "api_version", api_version == 0 ? null : vrx_number(env, api_version)) ||
      !vrx_set(env, outcome, "result", result == 0 ? null : vrx_number(env, result)) ||
      !vrx_set_text(env, outcome, "result_name", name))
    return vrx_unexpected(env);
  return outcome;
}

static napi_value finish_open(napi_env env, vrx_job *base) {
  driver_job *job = (driver_job *)base;
  vrx_driver *made = &job->made, *driver;
  napi_value outcome, handle, simulated;
  if (job->stage != NULL) {
    const char *name = NULL, *text = NULL;
    if (job->result != CUDA_SUCCESS) {
      if (made->cuda.cuGetErrorName(job->result, &name) != CUDA_SUCCESS) name = NULL;
      if (made->cuda.cuGetErrorString(job->result, &text) == CUDA_SUCCESS && text != NULL)
        snprintf(job->detail, sizeof job->detail, "%s", text);
    }
    return vrx_stage_failure(env, job->stage, job->detail, made->file, made->api_version, job->result, name);
  }
  if ((driver = vrx_make(env, VRX_DRIVER, sizeof *driver, NULL, release_driver)) == NULL) return NULL;
  driver->cuda = made->cuda;
  driver->library = made->library;
  driver->file = made->file;
  driver->api_version = made->api_version;
  driver->device_count = made->device_count;
  driver->fake = made->fake;
  made->file = NULL;
  if ((handle = vrx_hand_out(env, driver)) == NULL) return NULL;
  TRY(napi_create_object(env, &outcome));
  TRY(napi_get_boolean(env, driver->fake != NULL, &simulated));
  if (!vrx_set_text(env, outcome, "status", "loaded") || !vrx_set(env, outcome, "driver", handle) ||
      !vrx_set_text(env, outcome, "file", driver->file) ||
      !vrx_set_number(env, outcome, "api_version", driver->api_version) ||
      !vrx_set_number(env, outcome, "device_count", driver->device_count) ||
      !vrx_set(env, outcome, "simulated", simulated))
    return vrx_unexpected(env);
  return outcome;
}

static void clean_open(vrx_job *base) {
  driver_job *job = (driver_job *)base;
  free(job->wanted);
  free(job->made.file);
}

/* openDriver(library | null): a promise of the driver, or of how far it came. */
napi_value vrx_open_driver(napi_env env, napi_callback_info info) {
  napi_value value;
  char *wanted;
  if (!vrx_arguments(env, info, 1, &value) || !vrx_optional_text(env, value, "library", &wanted)) return NULL;
  driver_job *job = calloc(1, sizeof *job);
  if (job == NULL) {
    free(wanted);
    return vrx_refuse(env, "out_of_memory", "the host has no memory for a driver");
  }
  job->wanted = wanted;
  job->job.run = run_open;
  job->job.finish = finish_open;
  job->job.clean = clean_open;
  return vrx_start(env, &job->job, "vrx open driver");
}

/* controlFake(driver, request): the fake driver's reply. */
napi_value vrx_control_fake(napi_env env, napi_callback_info info) {
  enum { REPLY = 1 << 20 };
  napi_value values[2], answer;
  vrx_driver *driver;
  char *request;
  if (!vrx_arguments(env, info, 2, values) || (driver = vrx_object_of(env, values[0], VRX_DRIVER)) == NULL) return NULL;
  if (driver->fake == NULL)
    return vrx_refuse(env, "not_supported", "%s is a real driver: only a fake one can be told what to do", driver->file);
  if (!vrx_optional_text(env, values[1], "request", &request)) return NULL;
  char *reply = malloc(REPLY);
  if (reply == NULL || request == NULL) {
    free(reply);
    free(request);
    return vrx_refuse(env, "invalid_argument", "request: expected a text");
  }
  long length = driver->fake(request, reply, REPLY);
  free(request);
  if (length < 0)
    vrx_refuse(env, "invalid_argument", "the fake driver refuses: %s", reply);
  else if (napi_create_string_utf8(env, reply, NAPI_AUTO_LENGTH, &answer) != napi_ok)
    vrx_unexpected(env);
  free(reply);
  bool pending = true;
  TRY(napi_is_exception_pending(env, &pending));
  return pending ? NULL : answer;
}

static bool device_of(napi_env env, vrx_driver *driver, napi_value value, CUdevice *device) {
  vrx_failure failure = {0};
  int ordinal;
  if (!vrx_int(env, value, "ordinal", &ordinal)) return false;
  if (VRX_CALL(&failure, driver, cuDeviceGet, device, ordinal)) return true;
  vrx_throw(env, &failure);
  return false;
}

/* deviceInfo(driver, ordinal): { name, uuid, total_bytes, pci_bus_id }. */
napi_value vrx_device_info(napi_env env, napi_callback_info info) {
  napi_value values[2], result;
  vrx_driver *driver;
  CUdevice device;
  vrx_failure failure = {0};
  char name[256] = "", bus[32] = "";
  CUuuid uuid;
  size_t bytes;
  if (!vrx_arguments(env, info, 2, values) || (driver = vrx_object_of(env, values[0], VRX_DRIVER)) == NULL ||
      !device_of(env, driver, values[1], &device))
    return NULL;
  /* The newer function tells the instances of a partitioned GPU apart. */
  bool known = driver->cuda.cuDeviceGetUuid_v2 != NULL ? VRX_CALL(&failure, driver, cuDeviceGetUuid_v2, &uuid, device)
                                                       : VRX_CALL(&failure, driver, cuDeviceGetUuid, &uuid, device);
  if (!known || !VRX_CALL(&failure, driver, cuDeviceGetName, name, sizeof name - 1, device) ||
      !VRX_CALL(&failure, driver, cuDeviceTotalMem_v2, &bytes, device) ||
      !VRX_CALL(&failure, driver, cuDeviceGetPCIBusId, bus, sizeof bus - 1, device))
    return vrx_throw(env, &failure);
  TRY(napi_create_object(env, &result));
  if (!vrx_set_text(env, result, "name", name) || !vrx_set_text(env, result, "pci_bus_id", bus) ||
      !vrx_set_number(env, result, "total_bytes", (double)bytes) ||
      !vrx_set(env, result, "uuid", vrx_copy_of(env, uuid.bytes, sizeof uuid.bytes)))
    return vrx_unexpected(env);
  return result;
}

/* deviceAttributes(driver, ordinal, Int32Array): a Float64Array, NaN where the driver does not know one. */
napi_value vrx_device_attributes(napi_env env, napi_callback_info info) {
  napi_value values[3], buffer, array;
  vrx_driver *driver;
  CUdevice device;
  void *attributes, *results;
  size_t bytes;
  if (!vrx_arguments(env, info, 3, values) || (driver = vrx_object_of(env, values[0], VRX_DRIVER)) == NULL ||
      !device_of(env, driver, values[1], &device) || !vrx_bytes(env, values[2], "attributes", &attributes, &bytes))
    return NULL;
  size_t count = bytes / sizeof(int);
  TRY(napi_create_arraybuffer(env, count * sizeof(double), &results, &buffer));
  for (size_t i = 0; i < count; i++) {
    int attribute, value = 0;
    memcpy(&attribute, (const char *)attributes + i * sizeof attribute, sizeof attribute);
    bool known = driver->cuda.cuDeviceGetAttribute(&value, attribute, device) == CUDA_SUCCESS;
    ((double *)results)[i] = known ? (double)value : NAN;
  }
  TRY(napi_create_typedarray(env, napi_float64_array, count, buffer, 0, &array));
  return array;
}

/* deviceCanAccessPeer(driver, ordinal, peer). */
napi_value vrx_device_can_access_peer(napi_env env, napi_callback_info info) {
  napi_value values[3], result;
  vrx_driver *driver;
  vrx_failure failure = {0};
  CUdevice device, peer;
  int can = 0;
  if (!vrx_arguments(env, info, 3, values) || (driver = vrx_object_of(env, values[0], VRX_DRIVER)) == NULL ||
      !device_of(env, driver, values[1], &device) || !device_of(env, driver, values[2], &peer))
    return NULL;
  if (!VRX_CALL(&failure, driver, cuDeviceCanAccessPeer, &can, device, peer)) return vrx_throw(env, &failure);
  TRY(napi_get_boolean(env, can != 0, &result));
  return result;
}
