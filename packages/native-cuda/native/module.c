/* Kernel images, kernels, and launches whose arguments were checked. */
#include <stdio.h>

#include "functions.h"

static bool release_module(vrx_object *object, vrx_failure *failure) {
  vrx_module *self = (vrx_module *)object;
  vrx_failure ignored = {0};
  if (!vrx_enter(self->context, failure)) return vrx_context_is_lost(failure->result);
  /* A kernel of it may still run. */
  VRX_CALL(&ignored, self->context->driver, cuCtxSynchronize);
  bool gone = VRX_CALL(failure, self->context->driver, cuModuleUnload, self->module);
  vrx_leave(self->context);
  return gone || vrx_context_is_lost(failure->result);
}

typedef struct {
  vrx_job job;
  char *image; /* ends with a NUL of ours, as PTX must */
  CUmodule module;
} module_job;

static void run_load(vrx_job *base) {
  module_job *job = (module_job *)base;
  vrx_context *context = base->uses[0];
  int options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  char log[sizeof base->failure.detail] = "";
  void *values[] = {log, (void *)(uintptr_t)(sizeof log - 1)};
  if (!vrx_enter(context, &base->failure)) return;
  if (!VRX_CALL(&base->failure, context->driver, cuModuleLoadDataEx, &job->module, job->image, 2, options, values))
    snprintf(base->failure.detail, sizeof base->failure.detail, "%s", log);
  vrx_leave(context);
}

static napi_value finish_load(napi_env env, vrx_job *base) {
  module_job *job = (module_job *)base;
  vrx_context *context = base->uses[0];
  vrx_failure ignored = {0};
  vrx_module *self = vrx_make(env, VRX_MODULE, sizeof *self, &context->object, release_module);
  if (self == NULL) {
    if (vrx_enter(context, &ignored)) {
      context->driver->cuda.cuModuleUnload(job->module);
      vrx_leave(context);
    }
    return NULL;
  }
  self->context = context;
  self->module = job->module;
  return vrx_hand_out(env, self);
}

static void clean_load(vrx_job *base) { free(((module_job *)base)->image); }

/* loadModule(context, image): a promise, since compiling PTX takes a while. */
napi_value vrx_load_module(napi_env env, napi_callback_info info) {
  napi_value values[2];
  vrx_context *context;
  void *image;
  size_t bytes;
  if (!vrx_arguments(env, info, 2, values) || (context = vrx_object_of(env, values[0], VRX_CONTEXT)) == NULL ||
      !vrx_bytes(env, values[1], "image", &image, &bytes))
    return NULL;
  module_job *job = calloc(1, sizeof *job);
  /* Room behind the image: a driver that looks for a header must not look beyond it. */
  char *copy = calloc(1, bytes + 64);
  if (job == NULL || copy == NULL) {
    free(job);
    free(copy);
    return vrx_refuse(env, "out_of_memory", "the host has no memory for an image of %zu bytes", bytes);
  }
  memcpy(copy, image, bytes);
  job->image = copy;
  job->job.uses[0] = context;
  job->job.run = run_load;
  job->job.finish = finish_load;
  job->job.clean = clean_load;
  return vrx_start(env, &job->job, "vrx load module");
}

/* Compares the sizes with the kernel's own parameters, where the driver knows them (CUDA 12.4). */
static bool sizes_fit(napi_env env, const vrx_kernel *self, const char *name) {
  const vrx_cuda_functions *cuda = &self->module->context->driver->cuda;
  if (cuda->cuFuncGetParamInfo == NULL) return true;
  for (unsigned i = 0; i <= self->parameters; i++) {
    size_t offset, bytes = 0;
    CUresult result = cuda->cuFuncGetParamInfo(self->function, i, &offset, &bytes);
    if (result == CUDA_ERROR_NOT_SUPPORTED) return true;
    bool there = result == CUDA_SUCCESS;
    if (!there && i < self->parameters) {
      vrx_refuse(env, "invalid_argument", "kernel %s has %u parameters, and %u were declared", name, i, self->parameters);
      return false;
    }
    if (there && i == self->parameters) {
      vrx_refuse(env, "invalid_argument", "kernel %s has more parameters than the %u that were declared", name, i);
      return false;
    }
    if (there && bytes != (size_t)abs(self->sizes[i])) {
      vrx_refuse(env, "invalid_argument", "parameter %u of kernel %s has %zu bytes, and %d were declared", i, name, bytes,
                 abs(self->sizes[i]));
      return false;
    }
  }
  return true;
}

/* kernel(module, name, Int8Array of sizes). */
napi_value vrx_kernel_of(napi_env env, napi_callback_info info) {
  napi_value values[3];
  vrx_module *module;
  vrx_failure failure = {0};
  char name[512];
  void *sizes;
  size_t count;
  if (!vrx_arguments(env, info, 3, values) || (module = vrx_object_of(env, values[0], VRX_MODULE)) == NULL ||
      !vrx_text(env, values[1], "name", name, sizeof name) || !vrx_bytes(env, values[2], "sizes", &sizes, &count))
    return NULL;
  if (count > VRX_PARAMETERS)
    return vrx_refuse(env, "invalid_argument", "kernel %s: expected at most %d parameters", name, VRX_PARAMETERS);
  for (size_t i = 0; i < count; i++) {
    int size = ((int8_t *)sizes)[i];
    if (size != 4 && size != 8 && size != -8)
      return vrx_refuse(env, "invalid_argument", "kernel %s: expected sizes of 4, 8 or -8", name);
  }
  vrx_kernel *self = vrx_make(env, VRX_KERNEL, sizeof *self, &module->object, NULL);
  if (self == NULL) return NULL;
  self->module = module;
  self->parameters = (unsigned)count;
  memcpy(self->sizes, sizes, count);
  bool fits = false;
  if (vrx_enter(module->context, &failure)) {
    fits = VRX_CALL(&failure, module->context->driver, cuModuleGetFunction, &self->function, module->module, name) &&
           sizes_fit(env, self, name);
    vrx_leave(module->context);
  }
  if (fits) return vrx_hand_out(env, self);
  vrx_forget(self);
  if (failure.call == NULL) return NULL;
  snprintf(failure.detail, sizeof failure.detail, "kernel %.400s", name);
  return vrx_throw(env, &failure);
}

/* A kernel whose module is still there. */
static vrx_kernel *kernel_argument(napi_env env, napi_value value) {
  vrx_kernel *self = vrx_object_of(env, value, VRX_KERNEL);
  if (self != NULL && self->module->object.disposed)
    return vrx_refuse(env, "disposed", "the module of this kernel was disposed of");
  return self;
}

napi_value vrx_kernel_attribute(napi_env env, napi_callback_info info) {
  napi_value values[2];
  vrx_kernel *self;
  vrx_failure failure = {0};
  int attribute, value = 0;
  if (!vrx_arguments(env, info, 2, values) || (self = kernel_argument(env, values[0])) == NULL ||
      !vrx_int(env, values[1], "attribute", &attribute))
    return NULL;
  vrx_context *context = self->module->context;
  if (!vrx_enter(context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, context->driver, cuFuncGetAttribute, &value, attribute, self->function);
  vrx_leave(context);
  if (failure.call != NULL) return vrx_throw(env, &failure);
  napi_value result = vrx_number(env, value);
  return result != NULL ? result : vrx_unexpected(env);
}

napi_value vrx_set_kernel_attribute(napi_env env, napi_callback_info info) {
  napi_value values[3];
  vrx_kernel *self;
  vrx_failure failure = {0};
  int attribute, value;
  if (!vrx_arguments(env, info, 3, values) || (self = kernel_argument(env, values[0])) == NULL ||
      !vrx_int(env, values[1], "attribute", &attribute) || !vrx_int(env, values[2], "value", &value))
    return NULL;
  vrx_context *context = self->module->context;
  if (!vrx_enter(context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, context->driver, cuFuncSetAttribute, self->function, attribute, value);
  vrx_leave(context);
  return vrx_done(env, &failure);
}

/* kernelOccupancy(kernel, block_threads, shared_bytes): blocks per multiprocessor. */
napi_value vrx_kernel_occupancy(napi_env env, napi_callback_info info) {
  napi_value values[3];
  vrx_kernel *self;
  vrx_failure failure = {0};
  int threads, blocks = 0;
  size_t shared_bytes;
  if (!vrx_arguments(env, info, 3, values) || (self = kernel_argument(env, values[0])) == NULL ||
      !vrx_int(env, values[1], "block_threads", &threads) || !vrx_size(env, values[2], "shared_bytes", &shared_bytes))
    return NULL;
  vrx_context *context = self->module->context;
  if (!vrx_enter(context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, context->driver, cuOccupancyMaxActiveBlocksPerMultiprocessor, &blocks, self->function, threads,
           shared_bytes);
  vrx_leave(context);
  if (failure.call != NULL) return vrx_throw(env, &failure);
  napi_value result = vrx_number(env, blocks);
  return result != NULL ? result : vrx_unexpected(env);
}

/*
 * Puts the addresses of buffers into their slots: what stands there before is the offset in the buffer. A slot of a buffer
 * without a buffer stays as it is, and must be 0: the null pointer.
 */
static bool resolve_buffers(napi_env env, const vrx_kernel *self, napi_value buffers, uint64_t *slots) {
  for (unsigned i = 0; i < self->parameters; i++) {
    napi_value value;
    vrx_buffer *buffer;
    if (self->sizes[i] > 0) continue;
    if (napi_get_element(env, buffers, i, &value) != napi_ok) {
      vrx_refuse(env, "invalid_argument", "buffers: expected an array");
      return false;
    }
    if (vrx_is_null(env, value) && slots[i] == 0) continue;
    if ((buffer = vrx_object_of(env, value, VRX_BUFFER)) == NULL) return false;
    if (buffer->context->context != self->module->context->context &&
        buffer->context->driver->library != self->module->context->driver->library) {
      vrx_refuse(env, "invalid_argument", "argument %u: expected a buffer of the same driver", i);
      return false;
    }
    if (slots[i] >= buffer->bytes) {
      vrx_refuse(env, "out_of_range", "argument %u: offset %llu is outside of %zu bytes", i, (unsigned long long)slots[i],
                 buffer->bytes);
      return false;
    }
    slots[i] += buffer->address;
  }
  return true;
}

/* launch(kernel, stream | null, geometry, cooperative, values, buffers). */
napi_value vrx_launch(napi_env env, napi_callback_info info) {
  napi_value values[6];
  vrx_kernel *self;
  vrx_failure failure = {0};
  CUstream stream;
  void *geometry_data, *slot_data;
  size_t geometry_bytes, slot_bytes;
  bool cooperative;
  uint32_t g[7];
  uint64_t slots[VRX_PARAMETERS];
  void *parameters[VRX_PARAMETERS];
  if (!vrx_arguments(env, info, 6, values) || (self = kernel_argument(env, values[0])) == NULL ||
      !vrx_stream_of(env, values[1], self->module->context, &stream) ||
      !vrx_bytes(env, values[2], "geometry", &geometry_data, &geometry_bytes) ||
      !vrx_bool(env, values[3], "cooperative", &cooperative) ||
      !vrx_bytes(env, values[4], "values", &slot_data, &slot_bytes))
    return NULL;
  if (geometry_bytes != sizeof g || slot_bytes != self->parameters * sizeof *slots)
    return vrx_refuse(env, "invalid_argument", "expected 7 numbers of geometry and %u arguments", self->parameters);
  memcpy(g, geometry_data, sizeof g);
  memcpy(slots, slot_data, slot_bytes);
  if (!resolve_buffers(env, self, values[5], slots)) return NULL;
  /* Values lie at the start of their slots, least byte first, as on every machine that has this driver. */
  for (unsigned i = 0; i < self->parameters; i++) parameters[i] = &slots[i];
  vrx_context *context = self->module->context;
  if (!vrx_enter(context, &failure)) return vrx_throw(env, &failure);
  if (cooperative)
    VRX_CALL(&failure, context->driver, cuLaunchCooperativeKernel, self->function, g[0], g[1], g[2], g[3], g[4], g[5], g[6],
             stream, parameters);
  else
    VRX_CALL(&failure, context->driver, cuLaunchKernel, self->function, g[0], g[1], g[2], g[3], g[4], g[5], g[6], stream,
             parameters, NULL);
  vrx_leave(context);
  return vrx_done(env, &failure);
}
