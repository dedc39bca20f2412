/*
 * NVML: figures of devices, found by UUID. Every function of it is optional, and what it does not tell is a result, not an
 * error.
 */
#include "nvml.h"

#include "nvml_api.h"

#include <stdio.h>

#include "driver.h"
#include "functions.h"

enum { UUID_BYTES = 96, NAME_BYTES = 96, DEVICES = 64 };

typedef struct {
  vrx_object object;
  vrx_nvml_functions f;
  void *library;
  char *file;
} vrx_nvml;

/* The result of a function that may not be there. */
#define ASK(self, name, ...) ((self)->f.name == NULL ? NVML_ERROR_FUNCTION_NOT_FOUND : (self)->f.name(__VA_ARGS__))

static bool release_nvml(vrx_object *object, vrx_failure *failure) {
  vrx_nvml *self = (vrx_nvml *)object;
  (void)failure;
  ASK(self, nvmlShutdown);
  free(self->file);
  self->file = NULL;
  return true;
}

typedef struct {
  vrx_job job;
  char *wanted;
  vrx_nvml made;
  const char *stage;
  char detail[512], version[96];
  nvmlReturn_t result;
} nvml_job;

/* Loads the named library, or the usual one, and finds its functions. */
static bool load(vrx_nvml *nvml, const char *library, char *detail, size_t capacity) {
  static const char *const usual[] = {"libnvidia-ml.so.1", "libnvidia-ml.so", "/usr/lib/wsl/lib/libnvidia-ml.so.1", NULL};
  nvml->library = vrx_load_library(library, usual, detail, capacity);
  if (nvml->library == NULL) return false;
#define FIND(name, parameters) vrx_symbol(nvml->library, #name, &nvml->f.name);
  VRX_NVML_FUNCTIONS(FIND)
#undef FIND
  return true;
}

bool vrx_nvml_says_lost(const vrx_driver *driver, const char *pci_bus_id) {
  char detail[256];
  vrx_nvml nvml = {0};
  nvmlDevice_t device;
  unsigned celsius;
  if (driver == NULL || pci_bus_id == NULL || pci_bus_id[0] == 0) return false;
  /* A fake driver brings its own NVML. The library stays loaded, as the driver does. */
  if (!load(&nvml, driver->fake == NULL ? NULL : driver->file, detail, sizeof detail)) return false;
  if (ASK(&nvml, nvmlInit_v2) != NVML_SUCCESS) return false;
  /* By its place on the bus: asked by UUID, NVML says "lost" when any device is. A handle from before may still be good. */
  nvmlReturn_t result = ASK(&nvml, nvmlDeviceGetHandleByPciBusId_v2, pci_bus_id, &device);
  if (result == NVML_SUCCESS) result = ASK(&nvml, nvmlDeviceGetTemperature, device, NVML_TEMPERATURE_GPU, &celsius);
  ASK(&nvml, nvmlShutdown);
  return result == NVML_ERROR_GPU_IS_LOST;
}

static void run_open(vrx_job *base) {
  nvml_job *job = (nvml_job *)base;
  vrx_nvml *nvml = &job->made;
  job->stage = "load";
  if (!load(nvml, job->wanted, job->detail, sizeof job->detail)) return;
  void *known = NULL;
  memcpy(&known, &nvml->f.nvmlInit_v2, sizeof known);
  nvml->file = vrx_file_of(nvml->library, known);
  job->stage = "symbols";
  snprintf(job->detail, sizeof job->detail, "nvmlInit_v2 is missing");
  if (nvml->f.nvmlInit_v2 == NULL) return;
  job->stage = "init";
  job->result = nvml->f.nvmlInit_v2();
  if (job->result != NVML_SUCCESS) return;
  job->stage = NULL;
  if (ASK(nvml, nvmlSystemGetDriverVersion, job->version, sizeof job->version - 1) != NVML_SUCCESS) job->version[0] = 0;
}

static napi_value finish_open(napi_env env, vrx_job *base) {
  nvml_job *job = (nvml_job *)base;
  napi_value outcome, handle;
  if (job->stage != NULL)
    return vrx_stage_failure(env, job->stage, job->detail, job->made.file, 0, job->result, NULL);
  vrx_nvml *self = vrx_make(env, VRX_NVML, sizeof *self, NULL, release_nvml);
  if (self == NULL) {
    ASK(&job->made, nvmlShutdown);
    return NULL;
  }
  self->f = job->made.f;
  self->library = job->made.library;
  self->file = job->made.file;
  job->made.file = NULL;
  if ((handle = vrx_hand_out(env, self)) == NULL) return NULL;
  TRY(napi_create_object(env, &outcome));
  if (!vrx_set_text(env, outcome, "status", "loaded") || !vrx_set(env, outcome, "nvml", handle) ||
      !vrx_set_text(env, outcome, "file", self->file == NULL ? "" : self->file) ||
      !vrx_set_text(env, outcome, "driver_version", job->version))
    return vrx_unexpected(env);
  return outcome;
}

static void clean_open(vrx_job *base) {
  nvml_job *job = (nvml_job *)base;
  free(job->wanted);
  free(job->made.file);
}

/* openNvml(library | null). */
napi_value vrx_open_nvml(napi_env env, napi_callback_info info) {
  napi_value value;
  char *wanted;
  if (!vrx_arguments(env, info, 1, &value) || !vrx_optional_text(env, value, "library", &wanted)) return NULL;
  nvml_job *job = calloc(1, sizeof *job);
  if (job == NULL) {
    free(wanted);
    return vrx_refuse(env, "out_of_memory", "the host has no memory for NVML");
  }
  job->wanted = wanted;
  job->job.run = run_open;
  job->job.finish = finish_open;
  job->job.clean = clean_open;
  return vrx_start(env, &job->job, "vrx open nvml");
}

/* A figure: its value, or minus NVML's result. */
typedef double (*figure)(const vrx_nvml *, nvmlDevice_t);

static double told(nvmlReturn_t result, double value) {
  return result == NVML_SUCCESS ? value : -(double)(result > 0 ? result : NVML_ERROR_UNKNOWN);
}

/* NVML marks single values that it has not by all ones. */
static double told_word(nvmlReturn_t result, unsigned value) {
  return value == ~0u ? -(double)NVML_ERROR_NOT_SUPPORTED : told(result, (double)value);
}

static double told_long(nvmlReturn_t result, unsigned long long value) {
  return value == ~0ull ? -(double)NVML_ERROR_NOT_SUPPORTED : told(result, (double)value);
}

#define WORD(name, function, ...)                                   \
  static double name(const vrx_nvml *self, nvmlDevice_t device) {   \
    unsigned value = 0;                                             \
    nvmlReturn_t result = ASK(self, function, device, __VA_ARGS__); \
    return told_word(result, value);                                \
  }
#define LONG(name, function, ...)                                   \
  static double name(const vrx_nvml *self, nvmlDevice_t device) {   \
    unsigned long long value = 0;                                   \
    nvmlReturn_t result = ASK(self, function, device, __VA_ARGS__); \
    return told_long(result, value);                                \
  }
#define UTILIZATION(name, member)                                                        \
  static double name(const vrx_nvml *self, nvmlDevice_t device) {                        \
    nvmlUtilization_t value = {0};                                                       \
    nvmlReturn_t result = ASK(self, nvmlDeviceGetUtilizationRates, device, &value);      \
    return told_word(result, value.member);                                              \
  }
#define REMAPPED(name, index)                                                                                        \
  static double name(const vrx_nvml *self, nvmlDevice_t device) {                                                    \
    unsigned values[4] = {0};                                                                                        \
    nvmlReturn_t result =                                                                                            \
        ASK(self, nvmlDeviceGetRemappedRows, device, &values[0], &values[1], &values[2], &values[3]);                \
    return told_word(result, values[index]);                                                                         \
  }
#define ECC_MODE(name, index)                                                                    \
  static double name(const vrx_nvml *self, nvmlDevice_t device) {                                \
    int values[2] = {0};                                                                         \
    nvmlReturn_t result = ASK(self, nvmlDeviceGetEccMode, device, &values[0], &values[1]);       \
    return told(result, values[index]);                                                          \
  }
/* The second version tells what driver and firmware keep apart from what is in use. */
#define MEMORY(name, member)                                                          \
  static double name(const vrx_nvml *self, nvmlDevice_t device) {                     \
    nvmlMemory_v2_t memory = {.version = (unsigned)sizeof memory | 2u << 24};         \
    nvmlReturn_t result = ASK(self, nvmlDeviceGetMemoryInfo_v2, device, &memory);     \
    if (result == NVML_SUCCESS) return told_long(result, memory.member);              \
    nvmlMemory_t older = {0};                                                         \
    result = ASK(self, nvmlDeviceGetMemoryInfo, device, &older);                      \
    return told_long(result, older.member);                                           \
  }

WORD(sm_clock, nvmlDeviceGetClockInfo, NVML_CLOCK_SM, &value)
WORD(memory_clock, nvmlDeviceGetClockInfo, NVML_CLOCK_MEM, &value)
WORD(max_sm_clock, nvmlDeviceGetMaxClockInfo, NVML_CLOCK_SM, &value)
WORD(max_memory_clock, nvmlDeviceGetMaxClockInfo, NVML_CLOCK_MEM, &value)
WORD(temperature, nvmlDeviceGetTemperature, NVML_TEMPERATURE_GPU, &value)
WORD(power, nvmlDeviceGetPowerUsage, &value)
WORD(power_limit, nvmlDeviceGetEnforcedPowerLimit, &value)
LONG(energy, nvmlDeviceGetTotalEnergyConsumption, &value)
UTILIZATION(gpu_utilization, gpu)
UTILIZATION(memory_utilization, memory)
MEMORY(memory_total, total)
MEMORY(memory_used, used)
MEMORY(memory_free, free)
ECC_MODE(ecc_current, 0)
ECC_MODE(ecc_pending, 1)
LONG(ecc_corrected_volatile, nvmlDeviceGetTotalEccErrors, NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_VOLATILE_ECC, &value)
LONG(ecc_uncorrected_volatile, nvmlDeviceGetTotalEccErrors, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC, &value)
LONG(ecc_corrected_aggregate, nvmlDeviceGetTotalEccErrors, NVML_MEMORY_ERROR_TYPE_CORRECTED, NVML_AGGREGATE_ECC, &value)
LONG(ecc_uncorrected_aggregate, nvmlDeviceGetTotalEccErrors, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_AGGREGATE_ECC,
     &value)
REMAPPED(remapped_correctable, 0)
REMAPPED(remapped_uncorrectable, 1)
REMAPPED(remapped_pending, 2)
REMAPPED(remapped_failed, 3)
WORD(pcie_generation, nvmlDeviceGetCurrPcieLinkGeneration, &value)
WORD(pcie_width, nvmlDeviceGetCurrPcieLinkWidth, &value)
WORD(pcie_max_generation, nvmlDeviceGetMaxPcieLinkGeneration, &value)
WORD(pcie_max_width, nvmlDeviceGetMaxPcieLinkWidth, &value)

/* The same mask under its name since release 535 and the one before. */
static double throttle_reasons(const vrx_nvml *self, nvmlDevice_t device) {
  unsigned long long mask = 0;
  nvmlReturn_t result = ASK(self, nvmlDeviceGetCurrentClocksEventReasons, device, &mask);
  if (result == NVML_ERROR_FUNCTION_NOT_FOUND)
    result = ASK(self, nvmlDeviceGetCurrentClocksThrottleReasons, device, &mask);
  return told_long(result, mask);
}

static double memory_reserved(const vrx_nvml *self, nvmlDevice_t device) {
  nvmlMemory_v2_t memory = {.version = (unsigned)sizeof memory | 2u << 24};
  nvmlReturn_t result = ASK(self, nvmlDeviceGetMemoryInfo_v2, device, &memory);
  return told_long(result, memory.reserved);
}

static double mig_mode(const vrx_nvml *self, nvmlDevice_t device) {
  unsigned current = 0, pending = 0;
  nvmlReturn_t result = ASK(self, nvmlDeviceGetMigMode, device, &current, &pending);
  return told_word(result, current);
}

static const struct {
  const char *name;
  figure read;
} figures[] = {
    {"sm_clock_mhz", sm_clock},
    {"memory_clock_mhz", memory_clock},
    {"max_sm_clock_mhz", max_sm_clock},
    {"max_memory_clock_mhz", max_memory_clock},
    {"temperature_c", temperature},
    {"power_mw", power},
    {"power_limit_mw", power_limit},
    {"energy_mj", energy},
    {"throttle_reasons", throttle_reasons},
    {"gpu_utilization_pct", gpu_utilization},
    {"memory_utilization_pct", memory_utilization},
    {"memory_total_bytes", memory_total},
    {"memory_used_bytes", memory_used},
    {"memory_free_bytes", memory_free},
    {"memory_reserved_bytes", memory_reserved},
    {"ecc_current", ecc_current},
    {"ecc_pending", ecc_pending},
    {"ecc_corrected_volatile", ecc_corrected_volatile},
    {"ecc_uncorrected_volatile", ecc_uncorrected_volatile},
    {"ecc_corrected_aggregate", ecc_corrected_aggregate},
    {"ecc_uncorrected_aggregate", ecc_uncorrected_aggregate},
    {"remapped_correctable", remapped_correctable},
    {"remapped_uncorrectable", remapped_uncorrectable},
    {"remapped_pending", remapped_pending},
    {"remapped_failed", remapped_failed},
    {"pcie_generation", pcie_generation},
    {"pcie_width", pcie_width},
    {"pcie_max_generation", pcie_max_generation},
    {"pcie_max_width", pcie_max_width},
    {"mig_mode", mig_mode},
};
enum { FIGURES = sizeof figures / sizeof *figures };

/* nvmlFigures(): the names, in the order of their numbers. */
napi_value vrx_nvml_figures(napi_env env, napi_callback_info info) {
  napi_value names, name;
  (void)info;
  TRY(napi_create_array(env, &names));
  for (uint32_t i = 0; i < FIGURES; i++) {
    TRY(napi_create_string_utf8(env, figures[i].name, NAPI_AUTO_LENGTH, &name));
    TRY(napi_set_element(env, names, i, name));
  }
  return names;
}

/* nvmlDevices(nvml): UUIDs of the physical devices; those that NVML cannot reach are left out. */
napi_value vrx_nvml_devices(napi_env env, napi_callback_info info) {
  napi_value value, list, text;
  vrx_nvml *self;
  unsigned count = 0;
  uint32_t found = 0;
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_NVML)) == NULL) return NULL;
  TRY(napi_create_array(env, &list));
  if (ASK(self, nvmlDeviceGetCount_v2, &count) != NVML_SUCCESS) return list;
  for (unsigned i = 0; i < count && i < DEVICES; i++) {
    nvmlDevice_t device;
    char uuid[UUID_BYTES] = "";
    if (ASK(self, nvmlDeviceGetHandleByIndex_v2, i, &device) != NVML_SUCCESS ||
        ASK(self, nvmlDeviceGetUUID, device, uuid, sizeof uuid - 1) != NVML_SUCCESS)
      continue;
    TRY(napi_create_string_utf8(env, uuid, NAPI_AUTO_LENGTH, &text));
    TRY(napi_set_element(env, list, found++, text));
  }
  return list;
}

/* The two arguments of most functions. */
static vrx_nvml *self_and_uuid(napi_env env, napi_callback_info info, char uuid[UUID_BYTES]) {
  napi_value values[2];
  vrx_nvml *self;
  if (!vrx_arguments(env, info, 2, values) || (self = vrx_object_of(env, values[0], VRX_NVML)) == NULL ||
      !vrx_text(env, values[1], "uuid", uuid, UUID_BYTES))
    return NULL;
  return self;
}

napi_value vrx_nvml_has_device(napi_env env, napi_callback_info info) {
  napi_value result;
  char uuid[UUID_BYTES];
  nvmlDevice_t device;
  vrx_nvml *self = self_and_uuid(env, info, uuid);
  if (self == NULL) return NULL;
  TRY(napi_get_boolean(env, ASK(self, nvmlDeviceGetHandleByUUID, uuid, &device) == NVML_SUCCESS, &result));
  return result;
}

static napi_value text_or_null(napi_env env, bool known, const char *text) {
  napi_value result;
  if (known)
    TRY(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result));
  else
    TRY(napi_get_null(env, &result));
  return result;
}

/* nvmlParent(nvml, uuid): the device that a MIG instance is part of. */
napi_value vrx_nvml_parent(napi_env env, napi_callback_info info) {
  char uuid[UUID_BYTES], parent_uuid[UUID_BYTES] = "";
  nvmlDevice_t device, parent;
  unsigned is_mig = 0;
  vrx_nvml *self = self_and_uuid(env, info, uuid);
  if (self == NULL) return NULL;
  bool known = ASK(self, nvmlDeviceGetHandleByUUID, uuid, &device) == NVML_SUCCESS &&
               ASK(self, nvmlDeviceIsMigDeviceHandle, device, &is_mig) == NVML_SUCCESS && is_mig != 0 &&
               ASK(self, nvmlDeviceGetDeviceHandleFromMigDeviceHandle, device, &parent) == NVML_SUCCESS &&
               ASK(self, nvmlDeviceGetUUID, parent, parent_uuid, sizeof parent_uuid - 1) == NVML_SUCCESS;
  return text_or_null(env, known, parent_uuid);
}

napi_value vrx_nvml_name(napi_env env, napi_callback_info info) {
  char uuid[UUID_BYTES], name[NAME_BYTES] = "";
  nvmlDevice_t device;
  vrx_nvml *self = self_and_uuid(env, info, uuid);
  if (self == NULL) return NULL;
  bool known = ASK(self, nvmlDeviceGetHandleByUUID, uuid, &device) == NVML_SUCCESS &&
               ASK(self, nvmlDeviceGetName, device, name, sizeof name - 1) == NVML_SUCCESS;
  return text_or_null(env, known, name);
}

/* Work on one device: the first of uses is NVML. */
typedef struct {
  vrx_job job;
  char uuid[UUID_BYTES];
  nvmlReturn_t result;
} device_job;

typedef struct {
  device_job device;
  size_t count;
  int wanted[FIGURES];
  double values[FIGURES];
} read_job;

static bool find_device(device_job *job, nvmlDevice_t *device) {
  vrx_nvml *self = job->job.uses[0];
  job->result = ASK(self, nvmlDeviceGetHandleByUUID, job->uuid, device);
  return job->result == NVML_SUCCESS;
}

static void run_read(vrx_job *base) {
  read_job *job = (read_job *)base;
  vrx_nvml *self = base->uses[0];
  nvmlDevice_t device;
  bool found = find_device(&job->device, &device);
  for (size_t i = 0; i < job->count; i++)
    job->values[i] = found ? figures[job->wanted[i]].read(self, device) : told(job->device.result, 0);
}

static napi_value finish_read(napi_env env, vrx_job *base) {
  read_job *job = (read_job *)base;
  napi_value buffer, array;
  void *data;
  TRY(napi_create_arraybuffer(env, job->count * sizeof(double), &data, &buffer));
  if (job->count > 0) memcpy(data, job->values, job->count * sizeof(double));
  TRY(napi_create_typedarray(env, napi_float64_array, job->count, buffer, 0, &array));
  return array;
}

/* A job on the device whose UUID is the second argument, with `bytes` bytes. */
static void *device_job_of(napi_env env, napi_value nvml, napi_value uuid, size_t bytes) {
  vrx_nvml *self = vrx_object_of(env, nvml, VRX_NVML);
  if (self == NULL) return NULL;
  device_job *job = calloc(1, bytes);
  if (job == NULL) return vrx_refuse(env, "out_of_memory", "the host has no memory for a reading");
  job->job.uses[0] = self;
  if (vrx_text(env, uuid, "uuid", job->uuid, sizeof job->uuid)) return job;
  free(job);
  return NULL;
}

/* nvmlRead(nvml, uuid, Int32Array of numbers): a promise of a Float64Array. */
napi_value vrx_nvml_read(napi_env env, napi_callback_info info) {
  napi_value values[3];
  void *numbers;
  size_t bytes;
  if (!vrx_arguments(env, info, 3, values) || !vrx_bytes(env, values[2], "figures", &numbers, &bytes)) return NULL;
  size_t count = bytes / sizeof(int);
  if (count > FIGURES) return vrx_refuse(env, "invalid_argument", "figures: expected at most %d", FIGURES);
  read_job *job = device_job_of(env, values[0], values[1], sizeof *job);
  if (job == NULL) return NULL;
  job->count = count;
  memcpy(job->wanted, numbers, count * sizeof(int));
  for (size_t i = 0; i < count; i++) {
    if (job->wanted[i] >= 0 && job->wanted[i] < FIGURES) continue;
    free(job);
    return vrx_refuse(env, "invalid_argument", "figures: expected numbers from 0 to %d", FIGURES - 1);
  }
  job->device.job.run = run_read;
  job->device.job.finish = finish_read;
  return vrx_start(env, &job->device.job, "vrx read nvml");
}

typedef struct {
  device_job device;
  unsigned count;
  nvmlProcessInfo_t *processes;
} processes_job;

/* New processes may come between asking how many and asking which. */
static void run_processes(vrx_job *base) {
  processes_job *job = (processes_job *)base;
  vrx_nvml *self = base->uses[0];
  nvmlDevice_t device;
  if (!find_device(&job->device, &device)) return;
  for (unsigned room = 32; room <= 1u << 16; room *= 4) {
    free(job->processes);
    job->processes = calloc(room, sizeof *job->processes);
    job->count = room;
    job->device.result = job->processes == NULL ? NVML_ERROR_MEMORY
                                                : ASK(self, nvmlDeviceGetComputeRunningProcesses_v3, device, &job->count,
                                                      job->processes);
    if (job->device.result != NVML_ERROR_INSUFFICIENT_SIZE) return;
  }
}

static napi_value finish_processes(napi_env env, vrx_job *base) {
  processes_job *job = (processes_job *)base;
  napi_value list, entry, null;
  if (job->device.result != NVML_SUCCESS) return vrx_number(env, job->device.result);
  TRY(napi_create_array(env, &list));
  TRY(napi_get_null(env, &null));
  for (uint32_t i = 0; i < job->count; i++) {
    const nvmlProcessInfo_t *process = &job->processes[i];
    bool known = process->usedGpuMemory != ~0ull;
    TRY(napi_create_object(env, &entry));
    if (!vrx_set_number(env, entry, "pid", process->pid) ||
        !vrx_set(env, entry, "used_bytes", known ? vrx_number(env, (double)process->usedGpuMemory) : null))
      return vrx_unexpected(env);
    TRY(napi_set_element(env, list, i, entry));
  }
  return list;
}

static void clean_processes(vrx_job *base) { free(((processes_job *)base)->processes); }

/* nvmlProcesses(nvml, uuid): a promise of [{ pid, used_bytes }], or of NVML's result. */
napi_value vrx_nvml_processes(napi_env env, napi_callback_info info) {
  napi_value values[2];
  if (!vrx_arguments(env, info, 2, values)) return NULL;
  processes_job *job = device_job_of(env, values[0], values[1], sizeof *job);
  if (job == NULL) return NULL;
  job->device.job.run = run_processes;
  job->device.job.finish = finish_processes;
  job->device.job.clean = clean_processes;
  return vrx_start(env, &job->device.job, "vrx nvml processes");
}

/* nvmlConfCompute(nvml): { environment, feature, dev_tools }, or NVML's result. */
napi_value vrx_nvml_conf_compute(napi_env env, napi_callback_info info) {
  napi_value value, state_object;
  vrx_nvml *self;
  nvmlConfComputeSystemState_t state = {0};
  if (!vrx_arguments(env, info, 1, &value) || (self = vrx_object_of(env, value, VRX_NVML)) == NULL) return NULL;
  nvmlReturn_t result = ASK(self, nvmlSystemGetConfComputeState, &state);
  if (result != NVML_SUCCESS) return vrx_number(env, result);
  TRY(napi_create_object(env, &state_object));
  if (!vrx_set_number(env, state_object, "environment", state.environment) ||
      !vrx_set_number(env, state_object, "feature", state.ccFeature) ||
      !vrx_set_number(env, state_object, "dev_tools", state.devToolsMode))
    return vrx_unexpected(env);
  return state_object;
}

typedef struct {
  device_job device;
  nvmlConfComputeGpuAttestationReport_t report;
  nvmlConfComputeGpuCertificate_t certificate;
  bool certified;
} attestation_job;

static void run_attestation(vrx_job *base) {
  attestation_job *job = (attestation_job *)base;
  vrx_nvml *self = base->uses[0];
  nvmlDevice_t device;
  if (!find_device(&job->device, &device)) return;
  job->device.result = ASK(self, nvmlDeviceGetConfComputeGpuAttestationReport, device, &job->report);
  job->certified = ASK(self, nvmlDeviceGetConfComputeGpuCertificate, device, &job->certificate) == NVML_SUCCESS;
}

/* The first `size` bytes, however large the library says it is. */
static napi_value part(napi_env env, bool there, const unsigned char *bytes, size_t size, size_t capacity) {
  napi_value result;
  if (there && size > 0) return vrx_copy_of(env, bytes, size < capacity ? size : capacity);
  return napi_get_null(env, &result) == napi_ok ? result : NULL;
}

static napi_value finish_attestation(napi_env env, vrx_job *base) {
  attestation_job *job = (attestation_job *)base;
  const nvmlConfComputeGpuAttestationReport_t *report = &job->report;
  const nvmlConfComputeGpuCertificate_t *certificate = &job->certificate;
  napi_value result;
  if (job->device.result != NVML_SUCCESS) return vrx_number(env, job->device.result);
  size_t bytes = report->attestationReportSize, most = sizeof report->attestationReport;
  TRY(napi_create_object(env, &result));
  if (!vrx_set(env, result, "report", vrx_copy_of(env, report->attestationReport, bytes < most ? bytes : most)) ||
      !vrx_set(env, result, "cec_report",
               part(env, report->isCecAttestationReportPresent != 0, report->cecAttestationReport,
                    report->cecAttestationReportSize, sizeof report->cecAttestationReport)) ||
      !vrx_set(env, result, "certificates",
               part(env, job->certified, certificate->attestationCertChain, certificate->attestationCertChainSize,
                    sizeof certificate->attestationCertChain)))
    return vrx_unexpected(env);
  return result;
}

/* nvmlAttestation(nvml, uuid, nonce): a promise of { report, cec_report, certificates }, or of NVML's result. */
napi_value vrx_nvml_attestation(napi_env env, napi_callback_info info) {
  napi_value values[3];
  void *nonce;
  size_t bytes;
  if (!vrx_arguments(env, info, 3, values) || !vrx_bytes(env, values[2], "nonce", &nonce, &bytes)) return NULL;
  attestation_job *job = device_job_of(env, values[0], values[1], sizeof *job);
  if (job == NULL) return NULL;
  if (bytes != sizeof job->report.nonce) {
    free(job);
    return vrx_refuse(env, "invalid_argument", "nonce: expected 32 bytes");
  }
  memcpy(job->report.nonce, nonce, bytes);
  job->device.job.run = run_attestation;
  job->device.job.finish = finish_attestation;
  return vrx_start(env, &job->device.job, "vrx attestation");
}
