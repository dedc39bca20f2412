/*
 * NVML on the same simulated devices. Unlike CUDA it sees hidden devices and knows nothing of CUDA_VISIBLE_DEVICES; MIG
 * instances hang below their device. A figure that was taken away gives the result that was asked for.
 */
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "driver.h"

using namespace fake;

namespace {

enum Result : int {
  NVML_SUCCESS = 0,
  NVML_ERROR_UNINITIALIZED = 1,
  NVML_ERROR_INVALID_ARGUMENT = 2,
  NVML_ERROR_NOT_SUPPORTED = 3,
  NVML_ERROR_NO_PERMISSION = 4,
  NVML_ERROR_NOT_FOUND = 6,
  NVML_ERROR_INSUFFICIENT_SIZE = 7,
  NVML_ERROR_DRIVER_NOT_LOADED = 9,
  NVML_ERROR_GPU_IS_LOST = 15,
  NVML_ERROR_UNKNOWN = 999,
};

/* A handle is the address of one of these: a device, or an instance of it. */
struct Handle {
  Device *device;
  int instance; /* -1: the device itself */
};

unsigned references = 0;

std::map<std::pair<Device *, int>, std::unique_ptr<Handle>> &handles() {
  static auto *all = new std::map<std::pair<Device *, int>, std::unique_ptr<Handle>>;
  return *all;
}

Handle *handle_of(Device *device, int instance) {
  auto &handle = handles()[{device, instance}];
  if (handle == nullptr) handle = std::make_unique<Handle>(Handle{device, instance});
  return handle.get();
}

int enter_nvml(const char *call) {
  State &g = state();
  g.calls[call]++;
  for (size_t i = 0; i < g.failures.size(); i++) {
    Failure &f = g.failures[i];
    if (f.call != call) continue;
    if (f.at > 1) {
      f.at--;
      continue;
    }
    int code = f.code;
    if (f.times > 0 && --f.times == 0) g.failures.erase(g.failures.begin() + static_cast<std::ptrdiff_t>(i));
    return code;
  }
  return references == 0 ? NVML_ERROR_UNINITIALIZED : NVML_SUCCESS;
}

int device_of(Handle *handle, Device **device) {
  State &g = state();
  for (auto &known : g.devices) {
    if (handle == nullptr || known.get() != handle->device) continue;
    *device = handle->device;
    return known->lost ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS;
  }
  return NVML_ERROR_INVALID_ARGUMENT;
}

int figure(const Device &device, const char *name, double *value) {
  auto found = device.figures.find(name);
  if (found == device.figures.end()) return NVML_ERROR_NOT_SUPPORTED;
  if (!found->second.value.has_value()) return found->second.error;
  *value = *found->second.value;
  return NVML_SUCCESS;
}

int copy_text(const std::string &text, char *to, unsigned length) {
  if (to == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  if (text.size() + 1 > length) return NVML_ERROR_INSUFFICIENT_SIZE;
  memcpy(to, text.c_str(), text.size() + 1);
  return NVML_SUCCESS;
}

bool same_text(const std::string &a, const std::string &b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) { return tolower(x) == tolower(y); });
}

}  // namespace

#define NVML_API extern "C" __attribute__((visibility("default"))) int

#define BEGIN_NVML(name)                                     \
  State &g = state();                                        \
  Lock lock(g.mutex);                                        \
  (void)g;                                                   \
  if (int refused = enter_nvml(name); refused != NVML_SUCCESS) return refused

#define NEED_NVML_DEVICE(handle, device)   \
  Device *device = nullptr;                \
  if (int wrong = device_of(static_cast<Handle *>(handle), &device); wrong != NVML_SUCCESS) return wrong

/* ---- The library ---- */

static int init_nvml(const char *name) {
  State &g = state();
  Lock lock(g.mutex);
  g.calls[name]++;
  if (g.nvml_init_error != 0) return g.nvml_init_error;
  references++;
  return NVML_SUCCESS;
}
NVML_API nvmlInit_v2() { return init_nvml("nvmlInit_v2"); }
NVML_API nvmlInit() { return init_nvml("nvmlInit"); }
NVML_API nvmlInitWithFlags(unsigned) { return init_nvml("nvmlInitWithFlags"); }

NVML_API nvmlShutdown() {
  BEGIN_NVML("nvmlShutdown");
  references--;
  return NVML_SUCCESS;
}

extern "C" __attribute__((visibility("default"))) const char *nvmlErrorString(int result) {
  switch (result) {
    case NVML_SUCCESS: return "Success";
    case NVML_ERROR_UNINITIALIZED: return "Uninitialized";
    case NVML_ERROR_INVALID_ARGUMENT: return "Invalid Argument";
    case NVML_ERROR_NOT_SUPPORTED: return "Not Supported";
    case NVML_ERROR_NO_PERMISSION: return "Insufficient Permissions";
    case NVML_ERROR_NOT_FOUND: return "Not Found";
    case NVML_ERROR_INSUFFICIENT_SIZE: return "Insufficient Size";
    case NVML_ERROR_DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case NVML_ERROR_GPU_IS_LOST: return "GPU is lost";
    default: return "Unknown Error";
  }
}

NVML_API nvmlSystemGetDriverVersion(char *text, unsigned length) {
  BEGIN_NVML("nvmlSystemGetDriverVersion");
  return copy_text(g.driver_version_text, text, length);
}

NVML_API nvmlSystemGetNVMLVersion(char *text, unsigned length) {
  BEGIN_NVML("nvmlSystemGetNVMLVersion");
  return copy_text("13." + g.driver_version_text, text, length);
}

NVML_API nvmlSystemGetCudaDriverVersion_v2(int *version) {
  BEGIN_NVML("nvmlSystemGetCudaDriverVersion_v2");
  if (version == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  *version = g.driver_version;
  return NVML_SUCCESS;
}
NVML_API nvmlSystemGetCudaDriverVersion(int *version) { return nvmlSystemGetCudaDriverVersion_v2(version); }

NVML_API nvmlSystemGetProcessName(unsigned pid, char *name, unsigned length) {
  BEGIN_NVML("nvmlSystemGetProcessName");
  return copy_text("process " + std::to_string(pid), name, length);
}

/* ---- Devices ---- */

NVML_API nvmlDeviceGetCount_v2(unsigned *count) {
  BEGIN_NVML("nvmlDeviceGetCount_v2");
  if (count == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  *count = static_cast<unsigned>(g.devices.size());
  return NVML_SUCCESS;
}

NVML_API nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
  BEGIN_NVML("nvmlDeviceGetHandleByIndex_v2");
  if (handle == nullptr || index >= g.devices.size()) return NVML_ERROR_INVALID_ARGUMENT;
  *handle = handle_of(g.devices[index].get(), -1);
  return g.devices[index]->lost ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS;
}

NVML_API nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
  BEGIN_NVML("nvmlDeviceGetHandleByUUID");
  if (uuid == nullptr || handle == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  for (auto &device : g.devices) {
    if (same_text(device->uuid, uuid)) {
      *handle = handle_of(device.get(), -1);
      return device->lost ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS;
    }
    for (size_t i = 0; i < device->mig.size(); i++) {
      if (!same_text(device->mig[i].uuid, uuid)) continue;
      *handle = handle_of(device.get(), static_cast<int>(i));
      return NVML_SUCCESS;
    }
  }
  return NVML_ERROR_NOT_FOUND;
}

NVML_API nvmlDeviceGetHandleByPciBusId_v2(const char *text, void **handle) {
  BEGIN_NVML("nvmlDeviceGetHandleByPciBusId_v2");
  if (text == nullptr || handle == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  for (auto &device : g.devices) {
    /* NVML writes the domain with eight digits, CUDA with four; both are taken. */
    if (!same_text(device->pci, text) && !same_text("0000" + device->pci, text)) continue;
    *handle = handle_of(device.get(), -1);
    return NVML_SUCCESS;
  }
  return NVML_ERROR_NOT_FOUND;
}

NVML_API nvmlDeviceGetIndex(void *handle, unsigned *index) {
  BEGIN_NVML("nvmlDeviceGetIndex");
  NEED_NVML_DEVICE(handle, device);
  if (index == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  *index = static_cast<unsigned>(device->index);
  return NVML_SUCCESS;
}

NVML_API nvmlDeviceGetName(void *handle, char *name, unsigned length) {
  BEGIN_NVML("nvmlDeviceGetName");
  NEED_NVML_DEVICE(handle, device);
  return copy_text(device->name, name, length);
}

NVML_API nvmlDeviceGetUUID(void *handle, char *uuid, unsigned length) {
  BEGIN_NVML("nvmlDeviceGetUUID");
  NEED_NVML_DEVICE(handle, device);
  int instance = static_cast<Handle *>(handle)->instance;
  return copy_text(instance < 0 ? device->uuid : device->mig[static_cast<size_t>(instance)].uuid, uuid, length);
}

NVML_API nvmlDeviceGetSerial(void *handle, char *serial, unsigned length) {
  BEGIN_NVML("nvmlDeviceGetSerial");
  NEED_NVML_DEVICE(handle, device);
  return copy_text("0", serial, length);
}

struct PciInfo {
  char legacy[16];
  unsigned domain, bus, device, device_id, subsystem_id;
  char text[32];
};

NVML_API nvmlDeviceGetPciInfo_v3(void *handle, PciInfo *info) {
  BEGIN_NVML("nvmlDeviceGetPciInfo_v3");
  NEED_NVML_DEVICE(handle, device);
  if (info == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  *info = {};
  copy_text(device->pci, info->legacy, sizeof info->legacy);
  copy_text("0000" + device->pci, info->text, sizeof info->text);
  info->domain = static_cast<unsigned>(device->attribute(CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID));
  info->bus = static_cast<unsigned>(device->attribute(CU_DEVICE_ATTRIBUTE_PCI_BUS_ID));
  info->device = static_cast<unsigned>(device->attribute(CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID));
  info->device_id = 0x233010deu;
  return NVML_SUCCESS;
}

NVML_API nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
  BEGIN_NVML("nvmlDeviceGetCudaComputeCapability");
  NEED_NVML_DEVICE(handle, device);
  if (major == nullptr || minor == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  *major = device->attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  *minor = device->attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  return NVML_SUCCESS;
}

/* ---- Memory and processes ---- */

struct Memory {
  unsigned long long total, free, used;
};
struct Memory2 {
  unsigned version;
  unsigned long long total, reserved, free, used;
};

static int memory_of(void *handle, Device &device, Memory *memory) {
  double there;
  if (int missing = figure(device, "memory_info", &there); missing != NVML_SUCCESS) return missing;
  int instance = static_cast<Handle *>(handle)->instance;
  /* A partitioned device itself tells its memory only to the administrator. */
  if (instance < 0 && !device.mig.empty()) return NVML_ERROR_NO_PERMISSION;
  uint64_t total = instance < 0 ? device.memory_bytes : device.mig[static_cast<size_t>(instance)].memory_bytes;
  uint64_t used = std::min(total, device.used_bytes + device.foreign_bytes);
  *memory = {total, total - used, used};
  return NVML_SUCCESS;
}

NVML_API nvmlDeviceGetMemoryInfo(void *handle, Memory *memory) {
  BEGIN_NVML("nvmlDeviceGetMemoryInfo");
  NEED_NVML_DEVICE(handle, device);
  return memory == nullptr ? NVML_ERROR_INVALID_ARGUMENT : memory_of(handle, *device, memory);
}

NVML_API nvmlDeviceGetMemoryInfo_v2(void *handle, Memory2 *memory) {
  BEGIN_NVML("nvmlDeviceGetMemoryInfo_v2");
  NEED_NVML_DEVICE(handle, device);
  if (memory == nullptr || memory->version != (sizeof(Memory2) | 2u << 24)) return NVML_ERROR_INVALID_ARGUMENT;
  Memory plain{};
  int result = memory_of(handle, *device, &plain);
  if (result == NVML_SUCCESS) *memory = {memory->version, plain.total, 0, plain.free, plain.used};
  return result;
}

struct Process {
  unsigned pid;
  unsigned long long used;
  unsigned gpu_instance, compute_instance;
};

NVML_API nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, Process *processes) {
  BEGIN_NVML("nvmlDeviceGetComputeRunningProcesses_v3");
  NEED_NVML_DEVICE(handle, device);
  double there;
  if (int missing = figure(*device, "processes", &there); missing != NVML_SUCCESS) return missing;
  if (count == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  std::vector<Process> found;
  /* All ones: "not available", as Windows and some containers give it. */
  if (device->own_process_seen && !device->contexts.empty())
    found.push_back({static_cast<unsigned>(getpid()), device->used_bytes, ~0u, ~0u});
  for (const ForeignProcess &process : device->processes) found.push_back({process.pid, process.used_bytes, ~0u, ~0u});
  unsigned capacity = *count;
  *count = static_cast<unsigned>(found.size());
  if (found.size() > capacity || (processes == nullptr && !found.empty())) return NVML_ERROR_INSUFFICIENT_SIZE;
  std::copy(found.begin(), found.end(), processes);
  return NVML_SUCCESS;
}
NVML_API nvmlDeviceGetComputeRunningProcesses_v2(void *handle, unsigned *count, Process *processes) {
  return nvmlDeviceGetComputeRunningProcesses_v3(handle, count, processes);
}

NVML_API nvmlDeviceGetGraphicsRunningProcesses_v3(void *handle, unsigned *count, Process *) {
  BEGIN_NVML("nvmlDeviceGetGraphicsRunningProcesses_v3");
  NEED_NVML_DEVICE(handle, device);
  (void)device;
  if (count == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  *count = 0;
  return NVML_SUCCESS;
}

/* ---- Figures ---- */

template <class T>
static int read(const char *call, void *handle, const char *name, T *value) {
  State &g = state();
  Lock lock(g.mutex);
  if (int refused = enter_nvml(call); refused != NVML_SUCCESS) return refused;
  Device *device = nullptr;
  if (int wrong = device_of(static_cast<Handle *>(handle), &device); wrong != NVML_SUCCESS) return wrong;
  if (value == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  double found = 0;
  int result = figure(*device, name, &found);
  if (result == NVML_SUCCESS) *value = static_cast<T>(found);
  return result;
}

#define FIGURE(call, type, name) \
  NVML_API call(void *handle, type *value) { return read(#call, handle, name, value); }
FIGURE(nvmlDeviceGetMinorNumber, unsigned, "minor_number")
FIGURE(nvmlDeviceGetPowerUsage, unsigned, "power_mw")
FIGURE(nvmlDeviceGetPowerManagementLimit, unsigned, "power_limit_mw")
FIGURE(nvmlDeviceGetEnforcedPowerLimit, unsigned, "power_limit_mw")
FIGURE(nvmlDeviceGetPowerManagementDefaultLimit, unsigned, "power_limit_mw")
FIGURE(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, "energy_mj")
FIGURE(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long, "throttle_reasons")
FIGURE(nvmlDeviceGetCurrentClocksEventReasons, unsigned long long, "throttle_reasons")
FIGURE(nvmlDeviceGetCurrPcieLinkWidth, unsigned, "pcie_width")
FIGURE(nvmlDeviceGetCurrPcieLinkGeneration, unsigned, "pcie_generation")
FIGURE(nvmlDeviceGetMaxPcieLinkWidth, unsigned, "max_pcie_width")
FIGURE(nvmlDeviceGetMaxPcieLinkGeneration, unsigned, "max_pcie_generation")
FIGURE(nvmlDeviceGetPerformanceState, unsigned, "performance_state")
FIGURE(nvmlDeviceGetComputeMode, unsigned, "compute_mode")
FIGURE(nvmlDeviceGetPersistenceMode, unsigned, "persistence_mode")
#undef FIGURE

static const char *const clocks[] = {"clock_graphics_mhz", "clock_sm_mhz", "clock_memory_mhz", "clock_video_mhz"};
static const char *const max_clocks[] = {"max_clock_graphics_mhz", "max_clock_sm_mhz", "max_clock_memory_mhz", "clock_video_mhz"};

NVML_API nvmlDeviceGetClockInfo(void *handle, unsigned type, unsigned *mhz) {
  return type > 3 ? NVML_ERROR_INVALID_ARGUMENT : read("nvmlDeviceGetClockInfo", handle, clocks[type], mhz);
}
NVML_API nvmlDeviceGetMaxClockInfo(void *handle, unsigned type, unsigned *mhz) {
  return type > 3 ? NVML_ERROR_INVALID_ARGUMENT : read("nvmlDeviceGetMaxClockInfo", handle, max_clocks[type], mhz);
}
NVML_API nvmlDeviceGetApplicationsClock(void *handle, unsigned type, unsigned *mhz) {
  return type > 3 ? NVML_ERROR_INVALID_ARGUMENT : read("nvmlDeviceGetApplicationsClock", handle, max_clocks[type], mhz);
}
NVML_API nvmlDeviceGetTemperature(void *handle, unsigned sensor, unsigned *celsius) {
  return sensor != 0 ? NVML_ERROR_INVALID_ARGUMENT : read("nvmlDeviceGetTemperature", handle, "temperature_c", celsius);
}

NVML_API nvmlDeviceGetUtilizationRates(void *handle, unsigned *both) {
  unsigned gpu = 0, memory = 0;
  if (int result = read("nvmlDeviceGetUtilizationRates", handle, "utilization_gpu", &gpu); result != NVML_SUCCESS) return result;
  if (int result = read("nvmlDeviceGetUtilizationRates", handle, "utilization_memory", &memory); result != NVML_SUCCESS) return result;
  if (both == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  both[0] = gpu;
  both[1] = memory;
  return NVML_SUCCESS;
}

NVML_API nvmlDeviceGetEccMode(void *handle, unsigned *current, unsigned *pending) {
  if (pending == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  int result = read("nvmlDeviceGetEccMode", handle, "ecc_mode", current);
  if (result == NVML_SUCCESS) *pending = *current;
  return result;
}

/* Errors of the volatile counter and of the aggregate one are the same here. */
NVML_API nvmlDeviceGetTotalEccErrors(void *handle, unsigned type, unsigned, unsigned long long *count) {
  return read("nvmlDeviceGetTotalEccErrors", handle, type == 0 ? "ecc_corrected" : "ecc_uncorrected", count);
}
NVML_API nvmlDeviceGetMemoryErrorCounter(void *handle, unsigned type, unsigned, unsigned, unsigned long long *count) {
  return read("nvmlDeviceGetMemoryErrorCounter", handle, type == 0 ? "ecc_corrected" : "ecc_uncorrected", count);
}

NVML_API nvmlDeviceGetRemappedRows(void *handle, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed) {
  const char *const names[] = {"remapped_corrected", "remapped_uncorrected", "remapped_pending", "remapped_failed"};
  unsigned *const values[] = {corrected, uncorrected, pending, failed};
  for (int i = 0; i < 4; i++)
    if (int result = read("nvmlDeviceGetRemappedRows", handle, names[i], values[i]); result != NVML_SUCCESS) return result;
  return NVML_SUCCESS;
}

/* ---- Partitioned devices ---- */

NVML_API nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
  if (pending == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  int result = read("nvmlDeviceGetMigMode", handle, "mig_mode", current);
  if (result == NVML_SUCCESS) *pending = *current;
  return result;
}

NVML_API nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned *count) {
  BEGIN_NVML("nvmlDeviceGetMaxMigDeviceCount");
  NEED_NVML_DEVICE(handle, device);
  if (count == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  *count = device->mig.empty() ? 0 : 7;
  return NVML_SUCCESS;
}

NVML_API nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned index, void **instance) {
  BEGIN_NVML("nvmlDeviceGetMigDeviceHandleByIndex");
  NEED_NVML_DEVICE(handle, device);
  if (instance == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  if (index >= device->mig.size()) return NVML_ERROR_NOT_FOUND;
  *instance = handle_of(device, static_cast<int>(index));
  return NVML_SUCCESS;
}

NVML_API nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void *instance, void **handle) {
  BEGIN_NVML("nvmlDeviceGetDeviceHandleFromMigDeviceHandle");
  NEED_NVML_DEVICE(instance, device);
  if (handle == nullptr || static_cast<Handle *>(instance)->instance < 0) return NVML_ERROR_INVALID_ARGUMENT;
  *handle = handle_of(device, -1);
  return NVML_SUCCESS;
}

NVML_API nvmlDeviceIsMigDeviceHandle(void *handle, unsigned *is_instance) {
  BEGIN_NVML("nvmlDeviceIsMigDeviceHandle");
  NEED_NVML_DEVICE(handle, device);
  (void)device;
  if (is_instance == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  *is_instance = static_cast<Handle *>(handle)->instance >= 0;
  return NVML_SUCCESS;
}

/* ---- Confidential computing ---- */

static int system_figure(const char *name, unsigned *value) {
  State &g = state();
  auto found = g.system_figures.find(name);
  if (found == g.system_figures.end()) return NVML_ERROR_NOT_SUPPORTED;
  if (!found->second.value.has_value()) return found->second.error;
  *value = static_cast<unsigned>(*found->second.value);
  return NVML_SUCCESS;
}

NVML_API nvmlSystemGetConfComputeState(unsigned *environment_feature_tools) {
  BEGIN_NVML("nvmlSystemGetConfComputeState");
  if (environment_feature_tools == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  const char *const names[] = {"cc_environment", "cc_feature", "cc_dev_tools"};
  for (int i = 0; i < 3; i++)
    if (int result = system_figure(names[i], &environment_feature_tools[i]); result != NVML_SUCCESS) return result;
  return NVML_SUCCESS;
}

struct AttestationReport {
  unsigned has_cec, report_bytes, cec_bytes;
  unsigned char nonce[32], report[0x2000], cec[0x1000];
};
struct Certificates {
  unsigned chain_bytes, attestation_bytes;
  unsigned char chain[0x1000], attestation[0x1400];
};

/*
 * A report as NVIDIA's begin: with the SPDM request GET_MEASUREMENTS that it answers, four bytes of header, the nonce and
 * a slot; then a sentence, and nothing that could be taken for a signature of NVIDIA's.
 */
NVML_API nvmlDeviceGetConfComputeGpuAttestationReport(void *handle, AttestationReport *report) {
  BEGIN_NVML("nvmlDeviceGetConfComputeGpuAttestationReport");
  NEED_NVML_DEVICE(handle, device);
  unsigned feature = 0;
  if (int missing = system_figure("cc_feature", &feature); missing != NVML_SUCCESS) return missing;
  if (feature == 0) return NVML_ERROR_NOT_SUPPORTED;
  if (report == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  static const unsigned char header[] = {0x11, 0xe0, 0x01, 0xff};
  std::string text = "simulated attestation report of " + device->uuid;
  unsigned char *to = report->report;
  report->has_cec = report->cec_bytes = 0;
  memcpy(to, header, sizeof header);
  memcpy(to + sizeof header, report->nonce, sizeof report->nonce);
  size_t begin = sizeof header + sizeof report->nonce + 1;
  to[begin - 1] = 0;
  memcpy(to + begin, text.data(), text.size());
  report->report_bytes = static_cast<unsigned>(begin + text.size());
  return NVML_SUCCESS;
}

NVML_API nvmlDeviceGetConfComputeGpuCertificate(void *handle, Certificates *certificates) {
  BEGIN_NVML("nvmlDeviceGetConfComputeGpuCertificate");
  NEED_NVML_DEVICE(handle, device);
  unsigned feature = 0;
  if (int missing = system_figure("cc_feature", &feature); missing != NVML_SUCCESS) return missing;
  if (feature == 0) return NVML_ERROR_NOT_SUPPORTED;
  if (certificates == nullptr) return NVML_ERROR_INVALID_ARGUMENT;
  std::string text = "simulated certificate of " + device->uuid;
  memcpy(certificates->chain, text.data(), text.size());
  memcpy(certificates->attestation, text.data(), text.size());
  certificates->chain_bytes = certificates->attestation_bytes = static_cast<unsigned>(text.size());
  return NVML_SUCCESS;
}
