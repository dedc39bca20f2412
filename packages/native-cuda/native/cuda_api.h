/*
 * The part of the CUDA driver's binary interface that this addon uses: types, numbers, and the table of functions. They
 * are NVIDIA's, stable by their promise of binary compatibility; test_cuda_api.c compares them with cuda.h where a
 * toolkit is installed. Functions are looked up by the names that the library exports, with their version suffixes.
 */
#ifndef VRX_CUDA_API_H
#define VRX_CUDA_API_H

#include <stddef.h>
#include <stdint.h>

typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphNode_st *CUgraphNode;
typedef struct CUgraphExec_st *CUgraphExec;
typedef unsigned long long CUmemGenericAllocationHandle;

typedef struct {
  char bytes[16];
} CUuuid;

typedef struct {
  char reserved[64];
} CUipcMemHandle;

typedef struct {
  int type;
  int id;
} CUmemLocation;

typedef struct {
  int type;
  int requestedHandleTypes;
  CUmemLocation location;
  void *win32HandleMetaData;
  struct {
    unsigned char compressionType;
    unsigned char gpuDirectRDMACapable;
    unsigned short usage;
    unsigned char reserved[4];
  } allocFlags;
} CUmemAllocationProp;

typedef struct {
  CUmemLocation location;
  int flags;
} CUmemAccessDesc;

enum {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_INVALID_VALUE = 1,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_ECC_UNCORRECTABLE = 214,
  CUDA_ERROR_NVLINK_UNCORRECTABLE = 220,
  CUDA_ERROR_CONTAINED = 226,
  CUDA_ERROR_NOT_READY = 600,
  CUDA_ERROR_ILLEGAL_ADDRESS = 700,
  CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED = 704,
  CUDA_ERROR_LAUNCH_FAILED = 719,
  CUDA_ERROR_NOT_SUPPORTED = 801,
};

enum {
  CU_STREAM_DEFAULT = 0,
  CU_STREAM_NON_BLOCKING = 1,
  CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1,
  CU_EVENT_BLOCKING_SYNC = 1,
  CU_EVENT_DISABLE_TIMING = 2,
  CU_MEM_ALLOCATION_TYPE_PINNED = 1,
  CU_MEM_LOCATION_TYPE_DEVICE = 1,
  CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR = 1,
  CU_MEM_ALLOC_GRANULARITY_MINIMUM = 0,
  CU_MEM_ACCESS_FLAGS_PROT_READ = 1,
  CU_MEM_ACCESS_FLAGS_PROT_READWRITE = 3,
  CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS = 1,
  CU_JIT_ERROR_LOG_BUFFER = 5,
  CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6,
};

enum {
  CU_POINTER_ATTRIBUTE_MEMORY_TYPE = 2,
  CU_POINTER_ATTRIBUTE_HOST_POINTER = 4,
  CU_POINTER_ATTRIBUTE_IS_MANAGED = 8,
  CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL = 9,
  CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE = 10,
  CU_POINTER_ATTRIBUTE_RANGE_START_ADDR = 11,
  CU_POINTER_ATTRIBUTE_RANGE_SIZE = 12,
  CU_POINTER_ATTRIBUTE_MAPPED = 13,
  CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES = 14,
  CU_POINTER_ATTRIBUTE_ACCESS_FLAGS = 16,
};

/* The functions without which nothing works: every driver since CUDA 11.4 has them. */
#define VRX_CUDA_REQUIRED(F)                                                                        \
  F(cuInit, (unsigned flags))                                                                       \
  F(cuDriverGetVersion, (int *version))                                                             \
  F(cuGetErrorName, (CUresult error, const char **name))                                            \
  F(cuGetErrorString, (CUresult error, const char **text))                                          \
  F(cuDeviceGetCount, (int *count))                                                                 \
  F(cuDeviceGet, (CUdevice *device, int ordinal))                                                   \
  F(cuDeviceGetName, (char *name, int length, CUdevice device))                                     \
  F(cuDeviceTotalMem_v2, (size_t *bytes, CUdevice device))                                          \
  F(cuDeviceGetAttribute, (int *value, int attribute, CUdevice device))                             \
  F(cuDeviceGetPCIBusId, (char *id, int length, CUdevice device))                                   \
  F(cuDevicePrimaryCtxRetain, (CUcontext *context, CUdevice device))                                \
  F(cuDevicePrimaryCtxRelease_v2, (CUdevice device))                                                \
  F(cuCtxPushCurrent_v2, (CUcontext context))                                                       \
  F(cuCtxPopCurrent_v2, (CUcontext *context))                                                       \
  F(cuCtxSynchronize, (void))                                                                       \
  F(cuMemGetInfo_v2, (size_t *free_bytes, size_t *total_bytes))                                     \
  F(cuMemAlloc_v2, (CUdeviceptr *address, size_t bytes))                                            \
  F(cuMemFree_v2, (CUdeviceptr address))                                                            \
  F(cuMemHostAlloc, (void **address, size_t bytes, unsigned flags))                                 \
  F(cuMemFreeHost, (void *address))                                                                 \
  F(cuMemcpyHtoD_v2, (CUdeviceptr to, const void *from, size_t bytes))                              \
  F(cuMemcpyDtoH_v2, (void *to, CUdeviceptr from, size_t bytes))                                    \
  F(cuMemcpyHtoDAsync_v2, (CUdeviceptr to, const void *from, size_t bytes, CUstream stream))        \
  F(cuMemcpyDtoHAsync_v2, (void *to, CUdeviceptr from, size_t bytes, CUstream stream))              \
  F(cuMemcpyDtoDAsync_v2, (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream))        \
  F(cuMemsetD8Async, (CUdeviceptr to, unsigned char value, size_t count, CUstream stream))          \
  F(cuMemsetD16Async, (CUdeviceptr to, unsigned short value, size_t count, CUstream stream))        \
  F(cuMemsetD32Async, (CUdeviceptr to, unsigned value, size_t count, CUstream stream))              \
  F(cuPointerGetAttribute, (void *data, int attribute, CUdeviceptr address))                        \
  F(cuStreamCreateWithPriority, (CUstream *stream, unsigned flags, int priority))                   \
  F(cuStreamDestroy_v2, (CUstream stream))                                                          \
  F(cuStreamSynchronize, (CUstream stream))                                                         \
  F(cuStreamQuery, (CUstream stream))                                                               \
  F(cuStreamWaitEvent, (CUstream stream, CUevent event, unsigned flags))                            \
  F(cuEventCreate, (CUevent *event, unsigned flags))                                                \
  F(cuEventDestroy_v2, (CUevent event))                                                             \
  F(cuEventRecord, (CUevent event, CUstream stream))                                                \
  F(cuEventQuery, (CUevent event))                                                                  \
  F(cuEventSynchronize, (CUevent event))                                                            \
  F(cuEventElapsedTime, (float *milliseconds, CUevent start, CUevent end))                          \
  F(cuModuleLoadDataEx, (CUmodule *module, const void *image, unsigned count, int *options, void **values)) \
  F(cuModuleUnload, (CUmodule module))                                                              \
  F(cuModuleGetFunction, (CUfunction *function, CUmodule module, const char *name))                 \
  F(cuFuncGetAttribute, (int *value, int attribute, CUfunction function))                           \
  F(cuFuncSetAttribute, (CUfunction function, int attribute, int value))                            \
  F(cuLaunchKernel, (CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, \
                     unsigned shared_bytes, CUstream stream, void **parameters, void **extra))

/* What some drivers or platforms lack: using it is then `not_supported`. */
#define VRX_CUDA_OPTIONAL(F)                                                                        \
  F(cuDeviceGetUuid, (CUuuid *uuid, CUdevice device))                                               \
  F(cuDeviceGetUuid_v2, (CUuuid *uuid, CUdevice device))                                            \
  F(cuDeviceCanAccessPeer, (int *can, CUdevice device, CUdevice peer))                              \
  F(cuCtxEnablePeerAccess, (CUcontext peer, unsigned flags))                                        \
  F(cuMemcpyPeerAsync, (CUdeviceptr to, CUcontext to_context, CUdeviceptr from, CUcontext from_context, size_t bytes, \
                        CUstream stream))                                                           \
  F(cuLaunchCooperativeKernel, (CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, \
                                unsigned bz, unsigned shared_bytes, CUstream stream, void **parameters)) \
  F(cuFuncGetParamInfo, (CUfunction function, size_t index, size_t *offset, size_t *bytes))         \
  F(cuOccupancyMaxActiveBlocksPerMultiprocessor, (int *blocks, CUfunction function, int threads, size_t shared_bytes)) \
  F(cuStreamBeginCapture_v2, (CUstream stream, int mode))                                           \
  F(cuStreamEndCapture, (CUstream stream, CUgraph *graph))                                          \
  F(cuGraphGetNodes, (CUgraph graph, CUgraphNode *nodes, size_t *count))                            \
  F(cuGraphInstantiateWithFlags, (CUgraphExec *executable, CUgraph graph, unsigned long long flags)) \
  F(cuGraphLaunch, (CUgraphExec executable, CUstream stream))                                       \
  F(cuGraphExecDestroy, (CUgraphExec executable))                                                   \
  F(cuGraphDestroy, (CUgraph graph))                                                                \
  F(cuMemGetAllocationGranularity, (size_t *bytes, const CUmemAllocationProp *properties, int option)) \
  F(cuMemCreate, (CUmemGenericAllocationHandle *handle, size_t bytes, const CUmemAllocationProp *properties, \
                  unsigned long long flags))                                                        \
  F(cuMemRelease, (CUmemGenericAllocationHandle handle))                                            \
  F(cuMemAddressReserve, (CUdeviceptr *address, size_t bytes, size_t alignment, CUdeviceptr wanted, \
                          unsigned long long flags))                                                \
  F(cuMemAddressFree, (CUdeviceptr address, size_t bytes))                                          \
  F(cuMemMap, (CUdeviceptr address, size_t bytes, size_t offset, CUmemGenericAllocationHandle handle, \
               unsigned long long flags))                                                           \
  F(cuMemUnmap, (CUdeviceptr address, size_t bytes))                                                \
  F(cuMemSetAccess, (CUdeviceptr address, size_t bytes, const CUmemAccessDesc *access, size_t count)) \
  F(cuMemExportToShareableHandle, (void *to, CUmemGenericAllocationHandle handle, int type, unsigned long long flags)) \
  F(cuMemImportFromShareableHandle, (CUmemGenericAllocationHandle *handle, void *from, int type))   \
  F(cuIpcGetMemHandle, (CUipcMemHandle *handle, CUdeviceptr address))                               \
  F(cuIpcOpenMemHandle_v2, (CUdeviceptr *address, CUipcMemHandle handle, unsigned flags))           \
  F(cuIpcCloseMemHandle, (CUdeviceptr address))

#define VRX_POINTER(name, parameters) CUresult(*name) parameters;
typedef struct {
  VRX_CUDA_REQUIRED(VRX_POINTER)
  VRX_CUDA_OPTIONAL(VRX_POINTER)
} vrx_cuda_functions;
#undef VRX_POINTER

#endif
