/** What only the addon can look into: each of its objects is an opaque value in JavaScript. */
declare const kind: unique symbol;
export interface Handle<K extends string> {
  readonly [kind]: K;
}
export type DriverHandle = Handle<"driver">;
export type ContextHandle = Handle<"context">;
export type BufferHandle = Handle<"buffer">;
export type HostMemoryHandle = Handle<"host_memory">;
export type StreamHandle = Handle<"stream">;
export type EventHandle = Handle<"event">;
export type ModuleHandle = Handle<"module">;
export type KernelHandle = Handle<"kernel">;
export type GraphHandle = Handle<"graph">;
export type OfferHandle = Handle<"offer">;
export type NvmlHandle = Handle<"nvml">;
export type AnyHandle = Handle<string>;

/** How far opening a library came, and why it went no further. */
export interface StageFailure {
  readonly status: "failed";
  readonly stage: "load" | "symbols" | "version" | "init" | "count";
  readonly detail: string;
  /** The file that was loaded, as far as that was reached. */
  readonly file: string | null;
  readonly api_version: number | null;
  readonly result: number | null;
  readonly result_name: string | null;
}

export type NativeDriverOpen =
  | {
      readonly status: "loaded";
      readonly driver: DriverHandle;
      readonly file: string;
      readonly api_version: number;
      readonly simulated: boolean;
      readonly device_count: number;
    }
  | StageFailure;

export interface NativeDeviceInfo {
  readonly name: string;
  readonly uuid: Uint8Array;
  readonly total_bytes: number;
  readonly pci_bus_id: string;
}

/** NaN where the driver does not know the attribute or will not tell. */
export interface NativePointerFacts {
  readonly memory_type: number;
  readonly is_managed: number;
  readonly device_ordinal: number;
  readonly range_bytes: number;
  /** Offset of the buffer's first byte in the range that the driver knows. */
  readonly range_offset: number;
  readonly has_host_pointer: number;
  readonly mapped: number;
  readonly access_flags: number;
  readonly allowed_handle_types: number;
  readonly ipc_capable: number;
}

export interface NativeNvmlProcess {
  readonly pid: number;
  readonly used_bytes: number | null;
}

export type NativeNvmlOpen =
  | { readonly status: "loaded"; readonly nvml: NvmlHandle; readonly file: string; readonly driver_version: string }
  | StageFailure;

export interface NativeVerity {
  readonly status: "measured" | "not_enabled" | "unsupported" | "failed" | "not_linux";
  readonly errno: number;
  /** The kernel's number of it. */
  readonly algorithm: number;
  readonly digest: Uint8Array | null;
  /** The file's descriptor; null for kernels that do not give it. */
  readonly metadata: Uint8Array | null;
}

/**
 * The addon's functions. All check their arguments and throw errors that `translateErrors` turns into `CudaError`s;
 * those that return promises do their work on another thread. Offsets and sizes are numbers of bytes.
 */
export interface AddonFunctions {
  openDriver(library: string | null): Promise<NativeDriverOpen>;
  /** Calls the fake driver's control function; refused for a driver that is not simulated. */
  controlFake(driver: DriverHandle, command: string): string;
  deviceInfo(driver: DriverHandle, ordinal: number): NativeDeviceInfo;
  /** One value per attribute; NaN where the driver does not know it. */
  deviceAttributes(driver: DriverHandle, ordinal: number, attributes: Int32Array): Float64Array;
  deviceCanAccessPeer(driver: DriverHandle, ordinal: number, peer: number): boolean;

  openContext(driver: DriverHandle, ordinal: number): Promise<ContextHandle>;
  contextMemory(context: ContextHandle): { readonly free_bytes: number; readonly total_bytes: number };
  contextWait(context: ContextHandle): Promise<void>;
  contextEnablePeer(context: ContextHandle, peer: ContextHandle): void;

  allocate(context: ContextHandle, bytes: number, shareable: boolean): BufferHandle;
  bufferFacts(buffer: BufferHandle): NativePointerFacts;
  fill(
    buffer: BufferHandle,
    offset: number,
    count: number,
    width: number,
    value: number,
    stream: StreamHandle | null,
  ): void;
  copyBuffer(
    target: BufferHandle,
    target_offset: number,
    source: BufferHandle,
    source_offset: number,
    bytes: number,
    stream: StreamHandle | null,
  ): void;
  /** Blocks until the bytes are there. */
  write(buffer: BufferHandle, offset: number, source: ArrayBufferView, stream: StreamHandle | null): void;
  read(buffer: BufferHandle, offset: number, target: ArrayBufferView, stream: StreamHandle | null): void;
  /** Enqueues only. */
  writeHost(
    buffer: BufferHandle,
    offset: number,
    source: HostMemoryHandle,
    source_offset: number,
    bytes: number,
    stream: StreamHandle | null,
  ): void;
  readHost(
    buffer: BufferHandle,
    offset: number,
    target: HostMemoryHandle,
    target_offset: number,
    bytes: number,
    stream: StreamHandle | null,
  ): void;
  allocateHost(
    context: ContextHandle,
    bytes: number,
  ): { readonly handle: HostMemoryHandle; readonly memory: ArrayBuffer };

  createStream(context: ContextHandle, independent: boolean, priority: number): StreamHandle;
  streamWait(stream: StreamHandle): Promise<void>;
  /** Blocks. */
  streamSynchronize(stream: StreamHandle): void;
  streamIsIdle(stream: StreamHandle): boolean;
  streamWaitEvent(stream: StreamHandle, event: EventHandle): void;
  beginCapture(stream: StreamHandle): void;
  /** Ends the capture and makes its graph ready to run. */
  endCapture(stream: StreamHandle): GraphHandle;
  /** Ends the capture and forgets it. */
  abandonCapture(stream: StreamHandle): void;
  graphNodeCount(graph: GraphHandle): number;
  launchGraph(graph: GraphHandle, stream: StreamHandle | null): void;

  createEvent(context: ContextHandle, timing: boolean): EventHandle;
  recordEvent(event: EventHandle, stream: StreamHandle | null): void;
  eventIsDone(event: EventHandle): boolean;
  eventWait(event: EventHandle): Promise<void>;
  eventElapsed(start: EventHandle, end: EventHandle): number;

  loadModule(context: ContextHandle, image: Uint8Array): Promise<ModuleHandle>;
  /** `slots`: one number per parameter, its size in bytes, negative for the address of a buffer. */
  kernel(module: ModuleHandle, name: string, slots: Int8Array): KernelHandle;
  kernelAttribute(kernel: KernelHandle, attribute: number): number;
  setKernelAttribute(kernel: KernelHandle, attribute: number, value: number): void;
  kernelOccupancy(kernel: KernelHandle, block_threads: number, shared_bytes: number): number;
  /** `geometry`: grid x, y, z, block x, y, z, bytes of dynamic shared memory. `values`: eight bytes per parameter. */
  launch(
    kernel: KernelHandle,
    stream: StreamHandle | null,
    geometry: Uint32Array,
    cooperative: boolean,
    values: Uint8Array,
    buffers: readonly (BufferHandle | null)[],
  ): void;

  /** A product of two square matrices of float in the buffer, by cuBLAS where it is installed. */
  matrixProduct(
    buffer: BufferHandle,
    n: number,
    tensor_cores: boolean,
    times: number,
    library: string | null,
  ): Promise<
    | { readonly status: "ok"; readonly file: string; readonly time_s: number }
    | { readonly status: "unavailable"; readonly why: string }
  >;

  /** A descriptor of the operating system that the caller owns. */
  exportDescriptor(buffer: BufferHandle): number;
  exportIpc(buffer: BufferHandle): Uint8Array;
  /** `enforced`: the driver itself keeps the mapping from being written to. */
  importDescriptor(
    context: ContextHandle,
    descriptor: number,
    bytes: number,
    writable: boolean,
  ): { readonly handle: BufferHandle; readonly enforced: boolean };
  importIpc(context: ContextHandle, handle: Uint8Array, bytes: number): BufferHandle;
  closeDescriptor(descriptor: number): void;
  /** Hands `descriptor` (or none: -1) and `message` to everyone of this user who connects to the socket at `path`. */
  offer(path: string, descriptor: number, message: Uint8Array): OfferHandle;
  /** How often the offer was taken. */
  offerTaken(offer: OfferHandle): number;
  /** Takes what is offered at `path`; the descriptor is -1 where none came. */
  take(path: string, timeout_ms: number): Promise<{ readonly descriptor: number; readonly message: Uint8Array }>;

  openNvml(library: string | null): Promise<NativeNvmlOpen>;
  /** Names of the figures that `nvmlRead` knows, in the order of their numbers. */
  nvmlFigures(): string[];
  nvmlDevices(nvml: NvmlHandle): string[];
  /** Is there a device with this UUID? */
  nvmlHasDevice(nvml: NvmlHandle, uuid: string): boolean;
  /** UUID of the physical device of a MIG instance; null for what is none. */
  nvmlParent(nvml: NvmlHandle, uuid: string): string | null;
  nvmlName(nvml: NvmlHandle, uuid: string): string | null;
  /** One value per figure; where there is none, minus NVML's result. */
  nvmlRead(nvml: NvmlHandle, uuid: string, figures: Int32Array): Promise<Float64Array>;
  /** Running compute processes, or NVML's result where they are not to be had. */
  nvmlProcesses(nvml: NvmlHandle, uuid: string): Promise<readonly NativeNvmlProcess[] | number>;
  nvmlConfCompute(
    nvml: NvmlHandle,
  ): { readonly environment: number; readonly feature: number; readonly dev_tools: number } | number;
  nvmlAttestation(
    nvml: NvmlHandle,
    uuid: string,
    nonce: Uint8Array,
  ): Promise<
    | { readonly report: Uint8Array; readonly cec_report: Uint8Array | null; readonly certificates: Uint8Array | null }
    | number
  >;

  /** What the kernel says of the file with a descriptor; digest and metadata are null where nothing was measured. */
  measureVerity(descriptor: number): NativeVerity;

  /** The root of the tree over the first `bytes` bytes of a view, or over the file with a descriptor. */
  hashTree(
    source: ArrayBufferView | number,
    bytes: number,
    salt: Uint8Array,
    threads: number,
    cancel: Int32Array | null,
    method: string | null,
  ): Promise<{
    readonly status: "ok" | "cancelled" | "out_of_memory" | "file_changed" | "read_failed";
    readonly root: Uint8Array;
    readonly errno: number;
  }>;
  /** Ways to hash that this processor has, fastest first. */
  hashTreeMethods(): string[];

  /** Frees what the object holds, or as soon as work under way on another thread lets go of it. Again: does nothing. */
  dispose(handle: AnyHandle): void;
  /** Objects that hold something of the driver's, by kind; for tests of leaks. */
  liveObjects(): Readonly<Record<string, number>>;
}

/** The functions' names: a binary without one of them is of another version. */
export const addonFunctionNames = [
  "openDriver",
  "controlFake",
  "deviceInfo",
  "deviceAttributes",
  "deviceCanAccessPeer",
  "openContext",
  "contextMemory",
  "contextWait",
  "contextEnablePeer",
  "allocate",
  "bufferFacts",
  "fill",
  "copyBuffer",
  "write",
  "read",
  "writeHost",
  "readHost",
  "allocateHost",
  "createStream",
  "streamWait",
  "streamSynchronize",
  "streamIsIdle",
  "streamWaitEvent",
  "beginCapture",
  "endCapture",
  "abandonCapture",
  "graphNodeCount",
  "launchGraph",
  "createEvent",
  "recordEvent",
  "eventIsDone",
  "eventWait",
  "eventElapsed",
  "loadModule",
  "kernel",
  "kernelAttribute",
  "setKernelAttribute",
  "kernelOccupancy",
  "launch",
  "matrixProduct",
  "exportDescriptor",
  "exportIpc",
  "importDescriptor",
  "importIpc",
  "closeDescriptor",
  "offer",
  "offerTaken",
  "take",
  "openNvml",
  "nvmlFigures",
  "nvmlDevices",
  "nvmlHasDevice",
  "nvmlParent",
  "nvmlName",
  "nvmlRead",
  "nvmlProcesses",
  "nvmlConfCompute",
  "nvmlAttestation",
  "measureVerity",
  "hashTree",
  "hashTreeMethods",
  "dispose",
  "liveObjects",
] as const satisfies readonly (keyof AddonFunctions)[];
