/* Handing a buffer to another process: by a descriptor (virtual memory management) or a legacy IPC handle. */
#include <errno.h>
#include <unistd.h>

#include "functions.h"

/* exportDescriptor(buffer): a new descriptor that the caller owns. */
napi_value vrx_export_descriptor(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_buffer *self;
  vrx_failure failure = {0};
  int descriptor = -1;
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_BUFFER)) == NULL) return NULL;
  if (self->memory != VRX_MAPPED)
    return vrx_refuse(env, "not_supported", "this buffer has no descriptor: allocate it as shareable");
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, self->context->driver, cuMemExportToShareableHandle, &descriptor, self->handle,
           CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0);
  vrx_leave(self->context);
  if (failure.call != NULL) return vrx_throw(env, &failure);
  napi_value result = vrx_number(env, descriptor);
  return result != NULL ? result : vrx_unexpected(env);
}

/* exportIpc(buffer): the 64 bytes of the driver's handle. */
napi_value vrx_export_ipc(napi_env env, napi_callback_info info) {
  napi_value value;
  vrx_buffer *self;
  vrx_failure failure = {0};
  CUipcMemHandle handle;
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_BUFFER)) == NULL) return NULL;
  if (self->memory != VRX_PLAIN)
    return vrx_refuse(env, "not_supported", "this buffer has no IPC handle: only plain allocations of this process have");
  if (!vrx_enter(self->context, &failure)) return vrx_throw(env, &failure);
  VRX_CALL(&failure, self->context->driver, cuIpcGetMemHandle, &handle, self->address);
  vrx_leave(self->context);
  if (failure.call != NULL) return vrx_throw(env, &failure);
  napi_value result = vrx_copy_of(env, &handle, sizeof handle);
  return result != NULL ? result : vrx_unexpected(env);
}

/* Some drivers map for writing only. Then the right to read alone is this package's own promise. */
static bool map_import(vrx_buffer *self, int descriptor, bool writable, bool *enforced, vrx_failure *failure) {
  vrx_context *context = self->context;
  CUmemGenericAllocationHandle handle;
  size_t mapped_bytes;
  void *from = (void *)(intptr_t)descriptor;
  *enforced = false;
  if (!vrx_page_multiple(context, self->bytes, &mapped_bytes, failure)) return false;
  for (int try = writable ? 1 : 0; try < 2; try++) {
    bool write = try == 1;
    *failure = (vrx_failure){0};
    if (!VRX_CALL(failure, context->driver, cuMemImportFromShareableHandle, &handle, from,
                  CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR))
      return false;
    if (vrx_map_memory(context, handle, mapped_bytes, write, self, failure)) {
      *enforced = !write;
      return true;
    }
    bool refused = strcmp(failure->call, "cuMemSetAccess") == 0;
    bool unknown = failure->result == CUDA_ERROR_NOT_SUPPORTED || failure->result == CUDA_ERROR_INVALID_VALUE;
    if (!refused || !unknown) return false;
  }
  return false;
}

/* importDescriptor(context, descriptor, bytes, writable): { handle, enforced }. The descriptor stays the caller's. */
napi_value vrx_import_descriptor(napi_env env, napi_callback_info info) {
  napi_value values[4], result, handle, flag;
  vrx_context *context;
  vrx_failure failure = {0};
  int descriptor;
  size_t bytes;
  bool writable, enforced = false, made = false;
  if (!vrx_arguments(env, info, 4, values) || (context = vrx_object_of(env, values[0], VRX_CONTEXT)) == NULL ||
      !vrx_int(env, values[1], "descriptor", &descriptor) || !vrx_size(env, values[2], "bytes", &bytes) ||
      !vrx_bool(env, values[3], "writable", &writable))
    return NULL;
  if (descriptor < 0 || bytes == 0)
    return vrx_refuse(env, "invalid_argument", "expected a descriptor and a size of at least 1");
  vrx_buffer *self = vrx_make(env, VRX_BUFFER, sizeof *self, &context->object, vrx_release_buffer);
  if (self == NULL) return NULL;
  self->context = context;
  self->bytes = bytes;
  if (vrx_enter(context, &failure)) {
    made = map_import(self, descriptor, writable, &enforced, &failure);
    vrx_leave(context);
  }
  if (!made) {
    vrx_forget(self);
    return vrx_throw(env, &failure);
  }
  if ((handle = vrx_hand_out(env, self)) == NULL) return NULL;
  TRY(napi_create_object(env, &result));
  TRY(napi_get_boolean(env, enforced, &flag));
  if (!vrx_set(env, result, "handle", handle) || !vrx_set(env, result, "enforced", flag)) return vrx_unexpected(env);
  return result;
}

/* importIpc(context, handle, bytes). */
napi_value vrx_import_ipc(napi_env env, napi_callback_info info) {
  napi_value values[3];
  vrx_context *context;
  vrx_failure failure = {0};
  void *data;
  size_t handle_bytes, bytes, range = 0;
  CUipcMemHandle handle;
  if (!vrx_arguments(env, info, 3, values) || (context = vrx_object_of(env, values[0], VRX_CONTEXT)) == NULL ||
      !vrx_bytes(env, values[1], "handle", &data, &handle_bytes) || !vrx_size(env, values[2], "bytes", &bytes))
    return NULL;
  if (handle_bytes != sizeof handle || bytes == 0)
    return vrx_refuse(env, "invalid_argument", "expected a handle of %zu bytes and a size of at least 1", sizeof handle);
  memcpy(&handle, data, sizeof handle);
  vrx_buffer *self = vrx_make(env, VRX_BUFFER, sizeof *self, &context->object, vrx_release_buffer);
  if (self == NULL) return NULL;
  self->context = context;
  self->bytes = bytes;
  self->memory = VRX_IPC;
  bool made = false, fits = true;
  if (vrx_enter(context, &failure)) {
    made = VRX_CALL(&failure, context->driver, cuIpcOpenMemHandle_v2, &self->address, handle,
                    CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS);
    /* The size came from the other process; the driver knows better. */
    if (made && context->driver->cuda.cuPointerGetAttribute(&range, CU_POINTER_ATTRIBUTE_RANGE_SIZE, self->address) ==
                    CUDA_SUCCESS)
      fits = bytes <= range;
    if (made && !fits) context->driver->cuda.cuIpcCloseMemHandle(self->address);
    vrx_leave(context);
  }
  if (made && fits) return vrx_hand_out(env, self);
  vrx_forget(self);
  if (made) return vrx_refuse(env, "out_of_range", "the other process says %zu bytes, the driver %zu", bytes, range);
  return vrx_throw(env, &failure);
}

/* closeDescriptor(descriptor). */
napi_value vrx_close_descriptor(napi_env env, napi_callback_info info) {
  napi_value value;
  int descriptor;
  if (!vrx_arguments(env, info, 1, &value) || !vrx_int(env, value, "descriptor", &descriptor)) return NULL;
  if (descriptor < 0 || close(descriptor) != 0)
    return vrx_refuse(env, "invalid_argument", "descriptor %d cannot be closed: %s", descriptor, strerror(errno));
  return NULL;
}
