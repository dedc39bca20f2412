/* Initialisation, devices, contexts, and the addresses of functions. */
#include <dlfcn.h>
#include <string.h>

#include <algorithm>

#include "driver.h"

using namespace fake;

namespace fake {

State &state() {
  /* Never destroyed: threads of devices run until the process ends. */
  static State *state = [] {
    auto *made = new State;
    set_devices(*made, 1);
    read_setup(*made);
    return made;
  }();
  return *state;
}

std::vector<CUcontext> &context_stack() {
  thread_local std::vector<CUcontext> stack;
  return stack;
}

static std::string base_name(const std::string &call) {
  size_t at = call.rfind("_v");
  return at != std::string::npos && at + 3 == call.size() ? call.substr(0, at) : call;
}

CUresult enter(const char *call, bool needs_init) {
  State &g = state();
  g.calls[call]++;
  for (size_t i = 0; i < g.failures.size(); i++) {
    Failure &f = g.failures[i];
    if (f.call != call && f.call != base_name(call)) continue;
    if (f.at > 1) {
      f.at--;
      continue;
    }
    CUresult code = static_cast<CUresult>(f.code);
    if (f.times > 0 && --f.times == 0) g.failures.erase(g.failures.begin() + static_cast<std::ptrdiff_t>(i));
    return code;
  }
  if (g.stub) return CUDA_ERROR_STUB_LIBRARY;
  return needs_init && !g.initialised ? CUDA_ERROR_NOT_INITIALIZED : CUDA_SUCCESS;
}

bool is_context(CUcontext context) {
  for (auto &device : state().devices)
    if (device->contexts.count(context) != 0) return true;
  return false;
}

/* The error that the device or its context has fallen into, if any. */
static CUresult health(CUcontext context) {
  Device &device = *context->device;
  if (device.lost != 0) return static_cast<CUresult>(device.lost);
  if (device.sticky != CUDA_SUCCESS) {
    context->sticky = device.sticky;
    device.sticky = CUDA_SUCCESS;
  }
  return context->sticky;
}

CUresult current(CUcontext *context) {
  auto &stack = context_stack();
  if (stack.empty() || stack.back() == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (!is_context(stack.back())) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  *context = stack.back();
  return health(*context);
}

Device *device_of_ordinal(int ordinal) {
  State &g = state();
  if (ordinal < 0 || static_cast<size_t>(ordinal) >= g.visible.size()) return nullptr;
  return g.visible[static_cast<size_t>(ordinal)];
}

std::string visible_uuid(const Device &device) { return device.mig.empty() ? device.uuid : device.mig[0].uuid; }
uint64_t visible_memory(const Device &device) {
  return device.mig.empty() ? device.memory_bytes : device.mig[0].memory_bytes;
}

}  // namespace fake

VRX_API cuInit(unsigned flags) {
  State &g = state();
  Lock lock(g.mutex);
  if (CUresult refused = enter("cuInit", false); refused != CUDA_SUCCESS) return refused;
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (g.init_error != 0) return static_cast<CUresult>(g.init_error);
  choose_visible();
  if (g.visible.empty()) return CUDA_ERROR_NO_DEVICE;
  g.initialised = true;
  return CUDA_SUCCESS;
}

VRX_API cuDriverGetVersion(int *version) {
  State &g = state();
  Lock lock(g.mutex);
  if (CUresult refused = enter("cuDriverGetVersion", false); refused != CUDA_SUCCESS) return refused;
  if (version == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *version = g.driver_version;
  return CUDA_SUCCESS;
}

namespace {
struct Named {
  int code;
  const char *name, *text;
};
constexpr Named errors[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {4, "CUDA_ERROR_DEINITIALIZED", "driver shutting down"},
    {34, "CUDA_ERROR_STUB_LIBRARY", "CUDA driver is a stub library"},
    {46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {205, "CUDA_ERROR_MAP_FAILED", "mapping of buffer object failed"},
    {206, "CUDA_ERROR_UNMAP_FAILED", "unmapping of buffer object failed"},
    {208, "CUDA_ERROR_ALREADY_MAPPED", "resource already mapped"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {211, "CUDA_ERROR_NOT_MAPPED", "resource not mapped"},
    {214, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."},
    {301, "CUDA_ERROR_FILE_NOT_FOUND", "file not found"},
    {304, "CUDA_ERROR_OPERATING_SYSTEM", "OS call failed or operation not supported on this OS"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {401, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {600, "CUDA_ERROR_NOT_READY", "device not ready"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {702, "CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated"},
    {704, "CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED", "peer access is already enabled"},
    {705, "CUDA_ERROR_PEER_ACCESS_NOT_ENABLED", "peer access has not been enabled"},
    {708, "CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE", "cannot set while device is active in this process"},
    {709, "CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed"},
    {710, "CUDA_ERROR_ASSERT", "device-side assert triggered"},
    {712, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED", "part or all of the requested memory range is already mapped"},
    {713, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED", "pointer does not correspond to a registered memory region"},
    {715, "CUDA_ERROR_ILLEGAL_INSTRUCTION", "an illegal instruction was encountered"},
    {716, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {720, "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE", "too many blocks in cooperative launch"},
    {800, "CUDA_ERROR_NOT_PERMITTED", "operation not permitted"},
    {801, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {802, "CUDA_ERROR_SYSTEM_NOT_READY", "system not yet initialized"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
    {903, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "capture was not initiated in this stream"},
    {904, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capturing stream has unjoined work"},
    {907, "CUDA_ERROR_CAPTURED_EVENT", "operation not permitted on an event last recorded in a capturing stream"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};
const Named *error_of(int code) {
  for (const Named &error : errors)
    if (error.code == code) return &error;
  return nullptr;
}
}  // namespace

VRX_API cuGetErrorName(CUresult code, const char **name) {
  if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const Named *error = error_of(code);
  *name = error == nullptr ? nullptr : error->name;
  return error == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

VRX_API cuGetErrorString(CUresult code, const char **text) {
  if (text == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const Named *error = error_of(code);
  *text = error == nullptr ? nullptr : error->text;
  return error == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

static void *own_symbol(const std::string &name) {
  static void *self = [] {
    Dl_info info;
    return dladdr(reinterpret_cast<void *>(&state), &info) == 0 ? nullptr : dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  }();
  return self == nullptr ? nullptr : dlsym(self, name.c_str());
}

/* The newest form of a function, as the driver gives it for the version of the interface that is asked for. */
VRX_API cuGetProcAddress_v2(const char *symbol, void **function, int, cuuint64_t, int *status) {
  State &g = state();
  Lock lock(g.mutex);
  if (CUresult refused = enter("cuGetProcAddress_v2", false); refused != CUDA_SUCCESS) return refused;
  if (symbol == nullptr || function == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *function = nullptr;
  for (const char *suffix : {"_v3", "_v2", ""}) {
    *function = own_symbol(std::string(symbol) + suffix);
    if (*function != nullptr) break;
  }
  if (status != nullptr) *status = *function == nullptr ? 1 : 0;
  return *function == nullptr ? CUDA_ERROR_NOT_FOUND : CUDA_SUCCESS;
}

VRX_API cuGetProcAddress(const char *symbol, void **function, int version, cuuint64_t flags) {
  return cuGetProcAddress_v2(symbol, function, version, flags, nullptr);
}

/* ---- Devices ---- */

VRX_API cuDeviceGetCount(int *count) {
  BEGIN("cuDeviceGetCount");
  if (count == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *count = static_cast<int>(g.visible.size());
  return CUDA_SUCCESS;
}

#define NEED_DEVICE(device, ordinal)                   \
  Device *device = device_of_ordinal(ordinal);         \
  if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE

VRX_API cuDeviceGet(CUdevice *device, int ordinal) {
  BEGIN("cuDeviceGet");
  if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
  NEED_DEVICE(found, ordinal);
  (void)found;
  *device = ordinal;
  return CUDA_SUCCESS;
}

VRX_API cuDeviceGetName(char *name, int length, CUdevice ordinal) {
  BEGIN("cuDeviceGetName");
  NEED_DEVICE(device, ordinal);
  if (name == nullptr || length <= 0) return CUDA_ERROR_INVALID_VALUE;
  std::string text = device->mig.empty() ? device->name : device->name + " MIG 1g.10gb";
  strncpy(name, text.c_str(), static_cast<size_t>(length) - 1);
  name[length - 1] = 0;
  return CUDA_SUCCESS;
}

VRX_API cuDeviceTotalMem_v2(size_t *bytes, CUdevice ordinal) {
  BEGIN("cuDeviceTotalMem_v2");
  NEED_DEVICE(device, ordinal);
  if (bytes == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *bytes = visible_memory(*device);
  return CUDA_SUCCESS;
}

VRX_API cuDeviceGetAttribute(int *value, int attribute, CUdevice ordinal) {
  BEGIN("cuDeviceGetAttribute");
  NEED_DEVICE(device, ordinal);
  if (value == nullptr || attribute <= 0 || attribute > 150) return CUDA_ERROR_INVALID_VALUE;
  *value = device->attribute(attribute);
  return CUDA_SUCCESS;
}

static CUresult uuid_of(CUuuid *uuid, const Device &device) {
  if (uuid == nullptr) return CUDA_ERROR_INVALID_VALUE;
  std::string text = visible_uuid(device), digits;
  for (char c : text.substr(text.find('-') + 1))
    if (isxdigit(static_cast<unsigned char>(c)) != 0) digits += c;
  digits.resize(32, '0');
  for (size_t i = 0; i < 16; i++) uuid->bytes[i] = static_cast<char>(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
  return CUDA_SUCCESS;
}

VRX_API cuDeviceGetUuid(CUuuid *uuid, CUdevice ordinal) {
  BEGIN("cuDeviceGetUuid");
  NEED_DEVICE(device, ordinal);
  return uuid_of(uuid, *device);
}

VRX_API cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice ordinal) {
  BEGIN("cuDeviceGetUuid_v2");
  NEED_DEVICE(device, ordinal);
  return uuid_of(uuid, *device);
}

VRX_API cuDeviceGetPCIBusId(char *text, int length, CUdevice ordinal) {
  BEGIN("cuDeviceGetPCIBusId");
  NEED_DEVICE(device, ordinal);
  if (text == nullptr || length <= static_cast<int>(device->pci.size())) return CUDA_ERROR_INVALID_VALUE;
  strcpy(text, device->pci.c_str());
  return CUDA_SUCCESS;
}

VRX_API cuDeviceGetByPCIBusId(CUdevice *ordinal, const char *text) {
  BEGIN("cuDeviceGetByPCIBusId");
  if (ordinal == nullptr || text == nullptr) return CUDA_ERROR_INVALID_VALUE;
  for (size_t i = 0; i < g.visible.size(); i++) {
    if (g.visible[i]->pci != text) continue;
    *ordinal = static_cast<int>(i);
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_INVALID_DEVICE;
}

VRX_API cuDeviceCanAccessPeer(int *can, CUdevice a, CUdevice b) {
  BEGIN("cuDeviceCanAccessPeer");
  NEED_DEVICE(first, a);
  NEED_DEVICE(second, b);
  if (can == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *can = first != second;
  return CUDA_SUCCESS;
}

/* ---- Contexts ---- */

VRX_API cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice ordinal) {
  BEGIN("cuDevicePrimaryCtxRetain");
  NEED_DEVICE(device, ordinal);
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (device->lost != 0) return static_cast<CUresult>(device->lost);
  if (device->attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_MODE) == 2) return CUDA_ERROR_DEVICE_UNAVAILABLE;
  if (device->primary == nullptr) {
    device->primary.reset(new_context(*device, device->primary_flags));
    device->primary->primary = true;
  }
  device->primary_references++;
  *context = device->primary.get();
  return CUDA_SUCCESS;
}

static void end_primary(Lock &lock, Device &device) {
  device.primary_references = 0;
  if (device.primary == nullptr) return;
  destroy_context(lock, device.primary.get());
  device.primary.reset();
}

static CUresult release_primary(Lock &lock, Device &device) {
  if (device.primary_references == 0) return CUDA_ERROR_INVALID_CONTEXT;
  if (--device.primary_references == 0) end_primary(lock, device);
  return CUDA_SUCCESS;
}

VRX_API cuDevicePrimaryCtxRelease_v2(CUdevice ordinal) {
  BEGIN("cuDevicePrimaryCtxRelease_v2");
  NEED_DEVICE(device, ordinal);
  return release_primary(lock, *device);
}
VRX_API cuDevicePrimaryCtxRelease(CUdevice ordinal) { return cuDevicePrimaryCtxRelease_v2(ordinal); }

VRX_API cuDevicePrimaryCtxReset_v2(CUdevice ordinal) {
  BEGIN("cuDevicePrimaryCtxReset_v2");
  NEED_DEVICE(device, ordinal);
  end_primary(lock, *device);
  return CUDA_SUCCESS;
}

VRX_API cuDevicePrimaryCtxGetState(CUdevice ordinal, unsigned *flags, int *active) {
  BEGIN("cuDevicePrimaryCtxGetState");
  NEED_DEVICE(device, ordinal);
  if (flags == nullptr || active == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *flags = device->primary_flags;
  *active = device->primary != nullptr;
  return CUDA_SUCCESS;
}

VRX_API cuDevicePrimaryCtxSetFlags_v2(CUdevice ordinal, unsigned flags) {
  BEGIN("cuDevicePrimaryCtxSetFlags_v2");
  NEED_DEVICE(device, ordinal);
  device->primary_flags = flags;
  return CUDA_SUCCESS;
}

VRX_API cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice ordinal) {
  BEGIN("cuCtxCreate_v2");
  NEED_DEVICE(device, ordinal);
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (device->lost != 0) return static_cast<CUresult>(device->lost);
  *context = new_context(*device, flags);
  context_stack().push_back(*context);
  return CUDA_SUCCESS;
}

VRX_API cuCtxDestroy_v2(CUcontext context) {
  BEGIN("cuCtxDestroy_v2");
  if (!is_context(context) || context->primary) return CUDA_ERROR_INVALID_CONTEXT;
  auto &stack = context_stack();
  if (!stack.empty() && stack.back() == context) stack.pop_back();
  destroy_context(lock, context);
  delete context;
  return CUDA_SUCCESS;
}

VRX_API cuCtxSetCurrent(CUcontext context) {
  BEGIN("cuCtxSetCurrent");
  auto &stack = context_stack();
  if (context != nullptr && !is_context(context)) return CUDA_ERROR_INVALID_CONTEXT;
  if (!stack.empty()) stack.pop_back();
  if (context != nullptr) stack.push_back(context);
  return CUDA_SUCCESS;
}

VRX_API cuCtxGetCurrent(CUcontext *context) {
  BEGIN("cuCtxGetCurrent");
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  auto &stack = context_stack();
  *context = stack.empty() ? nullptr : stack.back();
  return CUDA_SUCCESS;
}

VRX_API cuCtxPushCurrent_v2(CUcontext context) {
  BEGIN("cuCtxPushCurrent_v2");
  if (!is_context(context)) return CUDA_ERROR_INVALID_CONTEXT;
  context_stack().push_back(context);
  return CUDA_SUCCESS;
}

VRX_API cuCtxPopCurrent_v2(CUcontext *context) {
  BEGIN("cuCtxPopCurrent_v2");
  auto &stack = context_stack();
  if (stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  if (context != nullptr) *context = stack.back();
  stack.pop_back();
  return CUDA_SUCCESS;
}

VRX_API cuCtxGetDevice(CUdevice *ordinal) {
  BEGIN("cuCtxGetDevice");
  auto &stack = context_stack();
  if (stack.empty() || !is_context(stack.back())) return CUDA_ERROR_INVALID_CONTEXT;
  if (ordinal == nullptr) return CUDA_ERROR_INVALID_VALUE;
  auto at = std::find(g.visible.begin(), g.visible.end(), stack.back()->device);
  *ordinal = static_cast<int>(at - g.visible.begin());
  return CUDA_SUCCESS;
}

VRX_API cuCtxGetApiVersion(CUcontext context, unsigned *version) {
  BEGIN("cuCtxGetApiVersion");
  if (version == nullptr || (context != nullptr && !is_context(context))) return CUDA_ERROR_INVALID_VALUE;
  *version = 3020;
  return CUDA_SUCCESS;
}

VRX_API cuCtxSynchronize() {
  BEGIN("cuCtxSynchronize");
  NEED_CONTEXT(context);
  for (CUstream stream : context->streams)
    if (stream->capture != nullptr) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  return wait_for_context(lock, context);
}

VRX_API cuCtxEnablePeerAccess(CUcontext peer, unsigned flags) {
  BEGIN("cuCtxEnablePeerAccess");
  NEED_CONTEXT(context);
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (!is_context(peer) || peer->device == context->device) return CUDA_ERROR_INVALID_CONTEXT;
  return context->peers.insert(peer).second ? CUDA_SUCCESS : CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
}

VRX_API cuCtxDisablePeerAccess(CUcontext peer) {
  BEGIN("cuCtxDisablePeerAccess");
  NEED_CONTEXT(context);
  return context->peers.erase(peer) != 0 ? CUDA_SUCCESS : CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
}

VRX_API cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  BEGIN("cuCtxGetStreamPriorityRange");
  NEED_CONTEXT(context);
  (void)context;
  if (least != nullptr) *least = 0;
  if (greatest != nullptr) *greatest = -5;
  return CUDA_SUCCESS;
}
