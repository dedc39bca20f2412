/* The primary context of a device: retained while anything needs it, and bound for the length of each call. */
#include "functions.h"

static bool release_context(vrx_object *object, vrx_failure *failure) {
  vrx_context *self = (vrx_context *)object;
  if (self->context == NULL) return true;
  if (!VRX_CALL(failure, self->driver, cuDevicePrimaryCtxRelease_v2, self->device)) return false;
  self->context = NULL;
  return true;
}

typedef struct {
  vrx_job job;
  vrx_driver *driver;
  int ordinal;
  CUdevice device;
  CUcontext context;
  char pci_bus_id[32];
} context_job;

static void run_retain(vrx_job *base) {
  context_job *job = (context_job *)base;
  if (!VRX_CALL(&base->failure, job->driver, cuDeviceGet, &job->device, job->ordinal)) return;
  base->failure.device = job->pci_bus_id;
  if (VRX_CALL(&base->failure, job->driver, cuDeviceGetPCIBusId, job->pci_bus_id, sizeof job->pci_bus_id - 1, job->device))
    VRX_CALL(&base->failure, job->driver, cuDevicePrimaryCtxRetain, &job->context, job->device);
}

static napi_value finish_retain(napi_env env, vrx_job *base) {
  context_job *job = (context_job *)base;
  vrx_context *self = vrx_make(env, VRX_CONTEXT, sizeof *self, &job->driver->object, release_context);
  if (self == NULL) {
    job->driver->cuda.cuDevicePrimaryCtxRelease_v2(job->device);
    return NULL;
  }
  self->driver = job->driver;
  self->context = job->context;
  self->device = job->device;
  self->ordinal = job->ordinal;
  memcpy(self->pci_bus_id, job->pci_bus_id, sizeof self->pci_bus_id);
  return vrx_hand_out(env, self);
}

napi_value vrx_open_context(napi_env env, napi_callback_info info) {
  napi_value values[2];
  vrx_driver *driver;
  int ordinal;
  if (!vrx_arguments(env, info, 2, values) || (driver = vrx_object_of(env, values[0], VRX_DRIVER)) == NULL ||
      !vrx_int(env, values[1], "ordinal", &ordinal))
    return NULL;
  context_job *job = calloc(1, sizeof *job);
  if (job == NULL) return vrx_refuse(env, "out_of_memory", "the host has no memory for a context");
  job->driver = driver;
  job->ordinal = ordinal;
  job->job.uses[0] = driver;
  job->job.run = run_retain;
  job->job.finish = finish_retain;
  return vrx_start(env, &job->job, "vrx open context");
}

napi_value vrx_context_memory(napi_env env, napi_callback_info info) {
  napi_value value, result;
  vrx_context *self;
  vrx_failure failure = {0};
  size_t free_bytes = 0, total_bytes = 0;
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_CONTEXT)) == NULL) return NULL;
  if (!vrx_enter(self, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, self->driver, cuMemGetInfo_v2, &free_bytes, &total_bytes);
  vrx_leave(self);
  if (failure.call != NULL) return vrx_throw(env, &failure);
  TRY(napi_create_object(env, &result));
  if (!vrx_set_number(env, result, "free_bytes", (double)free_bytes) ||
      !vrx_set_number(env, result, "total_bytes", (double)total_bytes))
    return vrx_unexpected(env);
  return result;
}

static void run_wait(vrx_job *base) {
  vrx_context *self = base->uses[0];
  if (!vrx_enter(self, &base->failure)) return;
  VRX_CALL(&base->failure, self->driver, cuCtxSynchronize);
  vrx_leave(self);
}

napi_value vrx_context_wait(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_context *self;
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_CONTEXT)) == NULL) return NULL;
  return vrx_start_wait(env, self, run_wait);
}

napi_value vrx_start_wait(napi_env env, void *object, void (*run)(vrx_job *)) {
  vrx_job *job = calloc(1, sizeof *job);
  if (job == NULL) return vrx_refuse(env, "out_of_memory", "the host has no memory to wait");
  job->uses[0] = object;
  job->run = run;
  return vrx_start(env, job, "vrx wait");
}

napi_value vrx_context_enable_peer(napi_env env, napi_callback_info info) {
  napi_value values[2];
  vrx_context *self, *peer;
  vrx_failure failure = {0};
  if (!vrx_arguments(env, info, 2, values) || (self = vrx_object_of(env, values[0], VRX_CONTEXT)) == NULL ||
      (peer = vrx_object_of(env, values[1], VRX_CONTEXT)) == NULL)
    return NULL;
  if (peer->driver->library != self->driver->library)
    return vrx_refuse(env, "invalid_argument", "peer: expected a context of the same driver");
  if (!vrx_enter(self, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, self->driver, cuCtxEnablePeerAccess, peer->context, 0);
  vrx_leave(self);
  if (failure.call == NULL || failure.result == CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED) return NULL;
  return vrx_throw(env, &failure);
}
