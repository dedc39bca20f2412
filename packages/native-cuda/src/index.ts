export {
  type Ceiling,
  type CeilingName,
  type CeilingOptions,
  type Ceilings,
  ceilingUnits,
  driverOf,
  measureCeilings,
} from "./ceilings.js";
export { type CeilingStoreOptions, readCeilings, storeCeilings } from "./ceilings-store.js";
export { Context, type AllocOptions, type MemoryInfo } from "./context.js";
export type { DeviceAttributes } from "./device-attributes.js";
export {
  type CopyOptions,
  type CopySource,
  type CopyTarget,
  DeviceBuffer,
  type HostRangeOptions,
  type RangeOptions,
} from "./device-buffer.js";
export { DeviceEvent } from "./device-event.js";
export type { Device, DeviceFacts } from "./device.js";
export type { DriverUnavailable, UnavailableReason } from "./driver-unavailable.js";
export {
  type Driver,
  type DriverOpen,
  type DriverOptions,
  MINIMUM_DRIVER_API,
  controlFakeDriver,
  openDriver,
} from "./driver.js";
export { CudaError, type CudaErrorCode, type DriverFailure, isCudaError } from "./errors.js";
export { Graph } from "./graph.js";
export { HostBuffer } from "./host-buffer.js";
export { KernelModule } from "./kernel-module.js";
export type { BufferArgument, KernelArguments, ParameterKind } from "./kernel-parameters.js";
export { type Extent, Kernel, type KernelFacts, type LaunchOptions } from "./kernel.js";
export { chooseKernelImage, loadKernels } from "./load-kernels.js";
export { type VerityMeasurement, type VerityParameters, measureVerity } from "./measure-verity.js";
export type { Allocation, AllocationRequest, MemoryResource } from "./memory/memory-resource.js";
export { type FailurePlan, withFailures } from "./memory/with-failures.js";
export { type LimitResource, withLimit } from "./memory/with-limit.js";
export { type MemoryEvent, withLogging } from "./memory/with-logging.js";
export {
  type Counter,
  type MemoryCounters,
  type StatisticsResource,
  withStatistics,
} from "./memory/with-statistics.js";
export { type OutstandingAllocation, type TrackingResource, withTracking } from "./memory/with-tracking.js";
export { type AddonLoad, addonBuildScript, loadAddon } from "./native-addon.js";
export {
  type AttestationReport,
  type ConfComputeState,
  type FigureReading,
  type GpuProcess,
  type Nvml,
  type NvmlOpen,
  type NvmlUnavailableReason,
  type Unavailable,
  openNvml,
} from "./nvml.js";
export { findDevice, openDevice } from "./open-device.js";
export type { PointerFacts } from "./pointer-facts.js";
export { type DeviceProbe, probeDevices } from "./probe-devices.js";
export { type GpuSample, type SampleOptions, nvmlOfDevice, readGpu, sampleGpu } from "./sample-gpu.js";
export {
  type BufferExport,
  BufferOffer,
  type ImportOptions,
  closeExport,
  importBuffer,
  offerBuffer,
} from "./share-buffer.js";
export { Stream } from "./stream.js";
export { type ThrottleReason, throttleReasons } from "./throttle-reasons.js";
export { type KernelFolders, kernelFolders, loadPackagedKernels } from "./packaged-kernels.js";
export {
  type DeviceTreeOptions,
  TreeHasher,
  type TreeRangeOptions,
  hashBufferTree,
  openTreeHasher,
} from "./tree-hash-device.js";
export { type HostTreeOptions, hashFileTree, hashViewTree, hostTreeMethods } from "./tree-hash-host.js";
export { TREE_BLOCK_BYTES, TREE_DIGEST_BYTES, TREE_SALT_BYTES, type TreeHash } from "./tree-hash.js";
export type { TreeRange } from "./tree-hash-plan.js";
