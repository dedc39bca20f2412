/* Memory of the device and page-locked memory of the host, and copies between them. */
#include <math.h>
#include <stdio.h>

#include "functions.h"

bool vrx_in_range(napi_env env, size_t offset, size_t bytes, size_t size) {
  if (offset <= size && bytes <= size - offset) return true;
  vrx_refuse(env, "out_of_range", "bytes %zu to %zu are outside of %zu bytes", offset, offset + bytes, size);
  return false;
}

napi_value vrx_done(napi_env env, const vrx_failure *failure) {
  return failure->call == NULL ? NULL : vrx_throw(env, failure);
}

/* The results after which a context answers nothing else (CUDA driver API, "Data types used by CUDA driver"). */
bool vrx_context_is_lost(CUresult result) {
  return result == CUDA_ERROR_ECC_UNCORRECTABLE || result == CUDA_ERROR_NVLINK_UNCORRECTABLE ||
         result == CUDA_ERROR_CONTAINED || result == CUDA_ERROR_ILLEGAL_ADDRESS || result == 702 || result == 710 ||
         (result >= 714 && result <= CUDA_ERROR_LAUNCH_FAILED);
}

static CUmemAllocationProp device_memory(const vrx_context *context) {
  return (CUmemAllocationProp){
      .type = CU_MEM_ALLOCATION_TYPE_PINNED,
      .requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR,
      .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = context->ordinal},
  };
}

bool vrx_page_multiple(const vrx_context *context, size_t bytes, size_t *mapped_bytes, vrx_failure *failure) {
  CUmemAllocationProp properties = device_memory(context);
  size_t page = 0;
  if (!VRX_CALL(failure, context->driver, cuMemGetAllocationGranularity, &page, &properties,
                CU_MEM_ALLOC_GRANULARITY_MINIMUM))
    return false;
  if (page == 0) page = 1;
  if (bytes > SIZE_MAX - page)
    return vrx_called(failure, context->driver, CUDA_ERROR_OUT_OF_MEMORY, "cuMemCreate", __FILE__);
  *mapped_bytes = (bytes + page - 1) / page * page;
  return true;
}

bool vrx_map_memory(vrx_context *context, CUmemGenericAllocationHandle handle, size_t mapped_bytes, bool writable,
                    vrx_buffer *buffer, vrx_failure *failure) {
  vrx_driver *driver = context->driver;
  CUmemAccessDesc access = {
      .location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = context->ordinal},
      .flags = writable ? CU_MEM_ACCESS_FLAGS_PROT_READWRITE : CU_MEM_ACCESS_FLAGS_PROT_READ,
  };
  vrx_failure ignored = {0};
  CUdeviceptr address = 0;
  if (VRX_CALL(failure, driver, cuMemAddressReserve, &address, mapped_bytes, 0, 0, 0)) {
    if (VRX_CALL(failure, driver, cuMemMap, address, mapped_bytes, 0, handle, 0)) {
      if (VRX_CALL(failure, driver, cuMemSetAccess, address, mapped_bytes, &access, 1)) {
        buffer->address = address;
        buffer->mapped_bytes = mapped_bytes;
        buffer->handle = handle;
        buffer->memory = VRX_MAPPED;
        return true;
      }
      VRX_CALL(&ignored, driver, cuMemUnmap, address, mapped_bytes);
    }
    VRX_CALL(&ignored, driver, cuMemAddressFree, address, mapped_bytes);
  }
  VRX_CALL(&ignored, driver, cuMemRelease, handle);
  return false;
}

/* Step by step, so that what one try gave back is not given back again by the next. */
static bool unmap(vrx_buffer *self, vrx_failure *failure) {
  vrx_driver *driver = self->context->driver;
  if (self->mapped_bytes > 0) {
    vrx_failure ignored = {0};
    /* Unmapping does not wait for work that uses the memory. What that work says belongs to others. */
    VRX_CALL(&ignored, driver, cuCtxSynchronize);
    if (!VRX_CALL(failure, driver, cuMemUnmap, self->address, self->mapped_bytes)) return false;
    VRX_CALL(&ignored, driver, cuMemAddressFree, self->address, self->mapped_bytes);
    self->mapped_bytes = 0;
  }
  return VRX_CALL(failure, driver, cuMemRelease, self->handle);
}

bool vrx_release_buffer(vrx_object *object, vrx_failure *failure) {
  vrx_buffer *self = (vrx_buffer *)object;
  vrx_driver *driver = self->context->driver;
  bool gone = false;
  if (!vrx_enter(self->context, failure)) return vrx_context_is_lost(failure->result);
  switch (self->memory) {
    case VRX_PLAIN:
      gone = self->address == 0 || VRX_CALL(failure, driver, cuMemFree_v2, self->address);
      break;
    case VRX_MAPPED:
      gone = unmap(self, failure);
      break;
    case VRX_IPC:
      gone = VRX_CALL(failure, driver, cuIpcCloseMemHandle, self->address);
      break;
  }
  vrx_leave(self->context);
  /* A lost context takes its memory along when it goes. */
  return gone || vrx_context_is_lost(failure->result);
}

/* allocate(context, bytes, shareable). */
napi_value vrx_allocate(napi_env env, napi_callback_info info) {
  napi_value values[3];
  vrx_context *context;
  vrx_failure failure = {0};
  size_t bytes, mapped_bytes;
  bool shareable;
  if (!vrx_arguments(env, info, 3, values) || (context = vrx_object_of(env, values[0], VRX_CONTEXT)) == NULL ||
      !vrx_size(env, values[1], "bytes", &bytes) || !vrx_bool(env, values[2], "shareable", &shareable))
    return NULL;
  if (bytes == 0) return vrx_refuse(env, "invalid_argument", "bytes: expected at least 1");
  vrx_buffer *self = vrx_make(env, VRX_BUFFER, sizeof *self, &context->object, vrx_release_buffer);
  if (self == NULL) return NULL;
  self->context = context;
  self->bytes = bytes;
  bool made = false;
  if (vrx_enter(context, &failure)) {
    if (!shareable) {
      made = VRX_CALL(&failure, context->driver, cuMemAlloc_v2, &self->address, bytes);
    } else if (vrx_page_multiple(context, bytes, &mapped_bytes, &failure)) {
      CUmemAllocationProp properties = device_memory(context);
      CUmemGenericAllocationHandle handle;
      made = VRX_CALL(&failure, context->driver, cuMemCreate, &handle, mapped_bytes, &properties, 0) &&
             vrx_map_memory(context, handle, mapped_bytes, true, self, &failure);
    }
    vrx_leave(context);
  }
  if (made) return vrx_hand_out(env, self);
  vrx_forget(self);
  snprintf(failure.detail, sizeof failure.detail, "%zu bytes were asked for", bytes);
  return vrx_throw(env, &failure);
}

/* NAN where the driver does not know the attribute. */
static double pointer_number(const vrx_buffer *self, int attribute, size_t width) {
  unsigned long long value = 0;
  unsigned narrow = 0;
  void *to = width == sizeof value ? (void *)&value : (void *)&narrow;
  if (self->context->driver->cuda.cuPointerGetAttribute(to, attribute, self->address) != CUDA_SUCCESS) return NAN;
  return width == sizeof value ? (double)value : (double)(int)narrow;
}

/* bufferFacts(buffer): what the driver says of the memory; never where it is. */
napi_value vrx_buffer_facts(napi_env env, napi_callback_info info) {
  napi_value value, result;
  vrx_buffer *self;
  vrx_failure failure = {0};
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_BUFFER)) == NULL) return NULL;
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  const vrx_cuda_functions *cuda = &self->context->driver->cuda;
  double memory_type = pointer_number(self, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, 4);
  /* Booleans are one byte wide in some drivers and four in others: the zeroed word takes both. */
  double managed = pointer_number(self, CU_POINTER_ATTRIBUTE_IS_MANAGED, 4);
  double ordinal = pointer_number(self, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, 4);
  double range_bytes = pointer_number(self, CU_POINTER_ATTRIBUTE_RANGE_SIZE, 8);
  double mapped = pointer_number(self, CU_POINTER_ATTRIBUTE_MAPPED, 4);
  double access = pointer_number(self, CU_POINTER_ATTRIBUTE_ACCESS_FLAGS, 4);
  double handle_types = pointer_number(self, CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES, 8);
  double ipc = pointer_number(self, CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE, 4);
  void *host = NULL;
  CUresult on_host = cuda->cuPointerGetAttribute(&host, CU_POINTER_ATTRIBUTE_HOST_POINTER, self->address);
  /* The driver answers INVALID_VALUE where the host cannot reach the memory. */
  double host_pointer = on_host == CUDA_SUCCESS ? (host != NULL ? 1 : 0) : on_host == CUDA_ERROR_INVALID_VALUE ? 0 : NAN;
  CUdeviceptr start = 0;
  bool knows_start = cuda->cuPointerGetAttribute(&start, CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, self->address) == CUDA_SUCCESS;
  vrx_leave(self->context);
  TRY(napi_create_object(env, &result));
  if (!vrx_set_number(env, result, "memory_type", memory_type) || !vrx_set_number(env, result, "is_managed", managed) ||
      !vrx_set_number(env, result, "device_ordinal", ordinal) || !vrx_set_number(env, result, "range_bytes", range_bytes) ||
      !vrx_set_number(env, result, "range_offset", knows_start ? (double)(self->address - start) : NAN) ||
      !vrx_set_number(env, result, "has_host_pointer", host_pointer) || !vrx_set_number(env, result, "mapped", mapped) ||
      !vrx_set_number(env, result, "access_flags", access) ||
      !vrx_set_number(env, result, "allowed_handle_types", handle_types) ||
      !vrx_set_number(env, result, "ipc_capable", ipc))
    return vrx_unexpected(env);
  return result;
}

/* fill(buffer, offset, count, width, value, stream). */
napi_value vrx_fill(napi_env env, napi_callback_info info) {
  napi_value values[6];
  vrx_buffer *self;
  vrx_failure failure = {0};
  CUstream stream;
  size_t offset, count, width, value;
  if (!vrx_arguments(env, info, 6, values) || (self = vrx_object_of(env, values[0], VRX_BUFFER)) == NULL ||
      !vrx_size(env, values[1], "offset", &offset) || !vrx_size(env, values[2], "count", &count) ||
      !vrx_size(env, values[3], "width", &width) || !vrx_size(env, values[4], "value", &value) ||
      !vrx_stream_of(env, values[5], self->context, &stream))
    return NULL;
  if ((width != 1 && width != 2 && width != 4) || offset % width != 0 || value >> (8 * width) != 0)
    return vrx_refuse(env, "invalid_argument", "expected a width of 1, 2 or 4, a value and an offset that fit it");
  if (!vrx_in_range(env, offset, count * width, self->bytes)) return NULL;
  if (count == 0) return NULL;
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  vrx_driver *driver = self->context->driver;
  CUdeviceptr to = self->address + offset;
  if (width == 1)
    VRX_CALL(&failure, driver, cuMemsetD8Async, to, (unsigned char)value, count, stream);
  else if (width == 2)
    VRX_CALL(&failure, driver, cuMemsetD16Async, to, (unsigned short)value, count, stream);
  else
    VRX_CALL(&failure, driver, cuMemsetD32Async, to, (unsigned)value, count, stream);
  vrx_leave(self->context);
  return vrx_done(env, &failure);
}

/* copyBuffer(target, target_offset, source, source_offset, bytes, stream of the target's context). */
napi_value vrx_copy_buffer(napi_env env, napi_callback_info info) {
  napi_value values[6];
  vrx_buffer *to, *from;
  vrx_failure failure = {0};
  CUstream stream;
  size_t to_offset, from_offset, bytes;
  if (!vrx_arguments(env, info, 6, values) || (to = vrx_object_of(env, values[0], VRX_BUFFER)) == NULL ||
      !vrx_size(env, values[1], "target_offset", &to_offset) ||
      (from = vrx_object_of(env, values[2], VRX_BUFFER)) == NULL ||
      !vrx_size(env, values[3], "source_offset", &from_offset) || !vrx_size(env, values[4], "bytes", &bytes) ||
      !vrx_stream_of(env, values[5], to->context, &stream) || !vrx_in_range(env, to_offset, bytes, to->bytes) ||
      !vrx_in_range(env, from_offset, bytes, from->bytes))
    return NULL;
  if (to->context->driver->library != from->context->driver->library)
    return vrx_refuse(env, "invalid_argument", "expected two buffers of the same driver");
  if (bytes == 0) return NULL;
  if (!vrx_enter(to->context, &failure)) return vrx_throw(env, &failure);
  CUdeviceptr target = to->address + to_offset, source = from->address + from_offset;
  if (to->context->context == from->context->context)
    VRX_CALL(&failure, to->context->driver, cuMemcpyDtoDAsync_v2, target, source, bytes, stream);
  else
    VRX_CALL(&failure, to->context->driver, cuMemcpyPeerAsync, target, to->context->context, source,
             from->context->context, bytes, stream);
  vrx_leave(to->context);
  return vrx_done(env, &failure);
}

/* write(buffer, offset, view, stream) and read(...): block until the bytes have arrived. */
static napi_value copy_view(napi_env env, napi_callback_info info, bool to_device) {
  napi_value values[4];
  vrx_buffer *self;
  vrx_failure failure = {0};
  CUstream stream;
  size_t offset, bytes;
  void *view;
  if (!vrx_arguments(env, info, 4, values) || (self = vrx_object_of(env, values[0], VRX_BUFFER)) == NULL ||
      !vrx_size(env, values[1], "offset", &offset) || !vrx_bytes(env, values[2], "view", &view, &bytes) ||
      !vrx_stream_of(env, values[3], self->context, &stream) || !vrx_in_range(env, offset, bytes, self->bytes))
    return NULL;
  if (bytes == 0) return NULL;
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  vrx_driver *driver = self->context->driver;
  CUdeviceptr at = self->address + offset;
  if (stream == NULL && to_device) {
    VRX_CALL(&failure, driver, cuMemcpyHtoD_v2, at, view, bytes);
  } else if (stream == NULL) {
    VRX_CALL(&failure, driver, cuMemcpyDtoH_v2, view, at, bytes);
  } else if (to_device ? VRX_CALL(&failure, driver, cuMemcpyHtoDAsync_v2, at, view, bytes, stream)
                       : VRX_CALL(&failure, driver, cuMemcpyDtoHAsync_v2, view, at, bytes, stream)) {
    VRX_CALL(&failure, driver, cuStreamSynchronize, stream);
  }
  vrx_leave(self->context);
  return vrx_done(env, &failure);
}

napi_value vrx_write(napi_env env, napi_callback_info info) { return copy_view(env, info, true); }
napi_value vrx_read(napi_env env, napi_callback_info info) { return copy_view(env, info, false); }

/* Takes the memory away from JavaScript, whose views become empty, before it goes. */
static bool release_host(vrx_object *object, vrx_failure *failure) {
  vrx_host_memory *self = (vrx_host_memory *)object;
  napi_env env = object->environment->env;
  vrx_failure ignored = {0};
  if (self->view != NULL && !object->environment->ending) {
    napi_handle_scope scope;
    napi_value view;
    if (napi_open_handle_scope(env, &scope) == napi_ok) {
      if (napi_get_reference_value(env, self->view, &view) == napi_ok && view != NULL)
        napi_detach_arraybuffer(env, view);
      napi_close_handle_scope(env, scope);
    }
    napi_delete_reference(env, self->view);
    self->view = NULL;
  }
  if (self->address == NULL) return true;
  if (!vrx_enter(self->context, failure)) return vrx_context_is_lost(failure->result);
  /* A copy may still be reading it. */
  VRX_CALL(&ignored, self->context->driver, cuCtxSynchronize);
  bool gone = VRX_CALL(failure, self->context->driver, cuMemFreeHost, self->address);
  vrx_leave(self->context);
  return gone || vrx_context_is_lost(failure->result);
}

static void view_collected(napi_env env, void *data, void *hint) {
  (void)env;
  (void)data;
  (void)hint;
}

/* allocateHost(context, bytes): { handle, memory: ArrayBuffer }. */
napi_value vrx_allocate_host(napi_env env, napi_callback_info info) {
  napi_value values[2], handle, memory, result;
  vrx_context *context;
  vrx_failure failure = {0};
  size_t bytes;
  if (!vrx_arguments(env, info, 2, values) || (context = vrx_object_of(env, values[0], VRX_CONTEXT)) == NULL ||
      !vrx_size(env, values[1], "bytes", &bytes))
    return NULL;
  if (bytes == 0) return vrx_refuse(env, "invalid_argument", "bytes: expected at least 1");
  vrx_host_memory *self = vrx_make(env, VRX_HOST_MEMORY, sizeof *self, &context->object, release_host);
  if (self == NULL) return NULL;
  self->context = context;
  self->bytes = bytes;
  if (vrx_enter(context, &failure)) {
    VRX_CALL(&failure, context->driver, cuMemHostAlloc, &self->address, bytes, 0);
    vrx_leave(context);
  }
  if (failure.call != NULL) {
    vrx_forget(self);
    snprintf(failure.detail, sizeof failure.detail, "%zu bytes of page-locked memory were asked for", bytes);
    return vrx_throw(env, &failure);
  }
  memset(self->address, 0, bytes);
  if ((handle = vrx_hand_out(env, self)) == NULL) return NULL;
  /* From here on a failure leaves the object to the collector. */
  TRY(napi_create_external_arraybuffer(env, self->address, bytes, view_collected, NULL, &memory));
  TRY(napi_create_reference(env, memory, 0, &self->view));
  TRY(napi_create_object(env, &result));
  if (!vrx_set(env, result, "handle", handle) || !vrx_set(env, result, "memory", memory)) return vrx_unexpected(env);
  return result;
}

/* writeHost(buffer, offset, host, host_offset, bytes, stream) and readHost(...): enqueue only. */
static napi_value copy_host(napi_env env, napi_callback_info info, bool to_device) {
  napi_value values[6];
  vrx_buffer *self;
  vrx_host_memory *host;
  vrx_failure failure = {0};
  CUstream stream;
  size_t offset, host_offset, bytes;
  if (!vrx_arguments(env, info, 6, values) || (self = vrx_object_of(env, values[0], VRX_BUFFER)) == NULL ||
      !vrx_size(env, values[1], "offset", &offset) ||
      (host = vrx_object_of(env, values[2], VRX_HOST_MEMORY)) == NULL ||
      !vrx_size(env, values[3], "host_offset", &host_offset) || !vrx_size(env, values[4], "bytes", &bytes) ||
      !vrx_stream_of(env, values[5], self->context, &stream) || !vrx_in_range(env, offset, bytes, self->bytes) ||
      !vrx_in_range(env, host_offset, bytes, host->bytes))
    return NULL;
  /* Giving the host's memory back waits for its own context. */
  if (host->context->context != self->context->context)
    return vrx_refuse(env, "invalid_argument", "expected host memory of the same context");
  if (bytes == 0) return NULL;
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  vrx_driver *driver = self->context->driver;
  CUdeviceptr at = self->address + offset;
  char *memory = (char *)host->address + host_offset;
  if (to_device)
    VRX_CALL(&failure, driver, cuMemcpyHtoDAsync_v2, at, memory, bytes, stream);
  else
    VRX_CALL(&failure, driver, cuMemcpyDtoHAsync_v2, memory, at, bytes, stream);
  vrx_leave(self->context);
  return vrx_done(env, &failure);
}

napi_value vrx_write_host(napi_env env, napi_callback_info info) { return copy_host(env, info, true); }
napi_value vrx_read_host(napi_env env, napi_callback_info info) { return copy_host(env, info, false); }
