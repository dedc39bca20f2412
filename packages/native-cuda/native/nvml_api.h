/*
 * The part of NVML's binary interface that this addon uses: types, sizes and the table of functions, all of them
 * optional. They are NVIDIA's, stable by their promise of binary compatibility (nvml.h).
 */
#ifndef VRX_NVML_API_H
#define VRX_NVML_API_H

typedef int nvmlReturn_t;
typedef struct nvmlDevice_st *nvmlDevice_t;

typedef struct {
  unsigned long long total, free, used;
} nvmlMemory_t;

typedef struct {
  unsigned version;
  unsigned long long total, reserved, free, used;
} nvmlMemory_v2_t;

typedef struct {
  unsigned gpu, memory;
} nvmlUtilization_t;

typedef struct {
  unsigned pid;
  unsigned long long usedGpuMemory;
  unsigned gpuInstanceId, computeInstanceId;
} nvmlProcessInfo_t;

typedef struct {
  unsigned environment, ccFeature, devToolsMode;
} nvmlConfComputeSystemState_t;

typedef struct {
  unsigned isCecAttestationReportPresent, attestationReportSize, cecAttestationReportSize;
  unsigned char nonce[0x20];
  unsigned char attestationReport[0x2000];
  unsigned char cecAttestationReport[0x1000];
} nvmlConfComputeGpuAttestationReport_t;

typedef struct {
  unsigned certChainSize, attestationCertChainSize;
  unsigned char certChain[0x1000];
  unsigned char attestationCertChain[0x1400];
} nvmlConfComputeGpuCertificate_t;

enum {
  NVML_SUCCESS = 0,
  NVML_ERROR_NOT_SUPPORTED = 3,
  NVML_ERROR_INSUFFICIENT_SIZE = 7,
  NVML_ERROR_FUNCTION_NOT_FOUND = 13,
  NVML_ERROR_GPU_IS_LOST = 15,
  NVML_ERROR_MEMORY = 20,
  NVML_ERROR_UNKNOWN = 999,
};

enum {
  NVML_TEMPERATURE_GPU = 0,
  NVML_CLOCK_SM = 1,
  NVML_CLOCK_MEM = 2,
  NVML_MEMORY_ERROR_TYPE_CORRECTED = 0,
  NVML_MEMORY_ERROR_TYPE_UNCORRECTED = 1,
  NVML_VOLATILE_ECC = 0,
  NVML_AGGREGATE_ECC = 1,
};

#define VRX_NVML_FUNCTIONS(F)                                                                                    \
  F(nvmlInit_v2, (void))                                                                                         \
  F(nvmlShutdown, (void))                                                                                        \
  F(nvmlSystemGetDriverVersion, (char *version, unsigned length))                                                \
  F(nvmlDeviceGetCount_v2, (unsigned *count))                                                                    \
  F(nvmlDeviceGetHandleByIndex_v2, (unsigned index, nvmlDevice_t *device))                                       \
  F(nvmlDeviceGetHandleByUUID, (const char *uuid, nvmlDevice_t *device))                                         \
  F(nvmlDeviceGetHandleByPciBusId_v2, (const char *pci_bus_id, nvmlDevice_t *device))                            \
  F(nvmlDeviceGetUUID, (nvmlDevice_t device, char *uuid, unsigned length))                                       \
  F(nvmlDeviceGetName, (nvmlDevice_t device, char *name, unsigned length))                                       \
  F(nvmlDeviceIsMigDeviceHandle, (nvmlDevice_t device, unsigned *is_mig))                                        \
  F(nvmlDeviceGetDeviceHandleFromMigDeviceHandle, (nvmlDevice_t instance, nvmlDevice_t *device))                 \
  F(nvmlDeviceGetMigMode, (nvmlDevice_t device, unsigned *current, unsigned *pending))                           \
  F(nvmlDeviceGetClockInfo, (nvmlDevice_t device, int clock, unsigned *mhz))                                     \
  F(nvmlDeviceGetMaxClockInfo, (nvmlDevice_t device, int clock, unsigned *mhz))                                  \
  F(nvmlDeviceGetTemperature, (nvmlDevice_t device, int sensor, unsigned *celsius))                              \
  F(nvmlDeviceGetPowerUsage, (nvmlDevice_t device, unsigned *milliwatts))                                        \
  F(nvmlDeviceGetEnforcedPowerLimit, (nvmlDevice_t device, unsigned *milliwatts))                                \
  F(nvmlDeviceGetTotalEnergyConsumption, (nvmlDevice_t device, unsigned long long *millijoules))                 \
  F(nvmlDeviceGetCurrentClocksEventReasons, (nvmlDevice_t device, unsigned long long *mask))                     \
  F(nvmlDeviceGetCurrentClocksThrottleReasons, (nvmlDevice_t device, unsigned long long *mask))                  \
  F(nvmlDeviceGetUtilizationRates, (nvmlDevice_t device, nvmlUtilization_t *utilization))                        \
  F(nvmlDeviceGetMemoryInfo, (nvmlDevice_t device, nvmlMemory_t *memory))                                        \
  F(nvmlDeviceGetMemoryInfo_v2, (nvmlDevice_t device, nvmlMemory_v2_t *memory))                                  \
  F(nvmlDeviceGetEccMode, (nvmlDevice_t device, int *current, int *pending))                                     \
  F(nvmlDeviceGetTotalEccErrors, (nvmlDevice_t device, int error, int counter, unsigned long long *count))       \
  F(nvmlDeviceGetRemappedRows,                                                                                   \
    (nvmlDevice_t device, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed))      \
  F(nvmlDeviceGetCurrPcieLinkGeneration, (nvmlDevice_t device, unsigned *generation))                            \
  F(nvmlDeviceGetCurrPcieLinkWidth, (nvmlDevice_t device, unsigned *lanes))                                      \
  F(nvmlDeviceGetMaxPcieLinkGeneration, (nvmlDevice_t device, unsigned *generation))                             \
  F(nvmlDeviceGetMaxPcieLinkWidth, (nvmlDevice_t device, unsigned *lanes))                                       \
  F(nvmlDeviceGetComputeRunningProcesses_v3, (nvmlDevice_t device, unsigned *count, nvmlProcessInfo_t *processes)) \
  F(nvmlSystemGetConfComputeState, (nvmlConfComputeSystemState_t *state))                                        \
  F(nvmlDeviceGetConfComputeGpuAttestationReport,                                                                \
    (nvmlDevice_t device, nvmlConfComputeGpuAttestationReport_t *report))                                        \
  F(nvmlDeviceGetConfComputeGpuCertificate, (nvmlDevice_t device, nvmlConfComputeGpuCertificate_t *certificate))

#define VRX_POINTER(name, parameters) nvmlReturn_t(*name) parameters;
typedef struct {
  VRX_NVML_FUNCTIONS(VRX_POINTER)
} vrx_nvml_functions;
#undef VRX_POINTER

#endif
