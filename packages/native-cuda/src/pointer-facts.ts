import type { NativePointerFacts } from "./internal/addon-functions.js";

/** What the driver says of a buffer's memory; null for what it does not say. Addresses are not among it. */
export interface PointerFacts {
  readonly memory_type: "host" | "device" | "array" | "unified" | null;
  /** True for managed memory, which the driver may move to the host. */
  readonly managed: boolean | null;
  /** Ordinal of the device that holds it. */
  readonly device_ordinal: number | null;
  /** Does the host have an address for it? */
  readonly host_accessible: boolean | null;
  /** Bytes of the driver's range around it, and where in it the buffer starts. */
  readonly range_bytes: number | null;
  readonly range_offset: number | null;
  /** Is there memory behind its addresses? */
  readonly mapped: boolean | null;
  /** What the device may do with it. */
  readonly access: "none" | "read" | "read_write" | null;
  /** Can it be exported as a descriptor (virtual memory management)? */
  readonly descriptor_exportable: boolean | null;
  /** Can it be exported as a legacy IPC handle? */
  readonly ipc_exportable: boolean | null;
}

/** Numbers of the driver's interface (CUmemorytype, CUDA_POINTER_ATTRIBUTE_ACCESS_FLAGS), named. */
export function pointerFacts(native: NativePointerFacts): PointerFacts {
  const number = (value: number): number | null => (Number.isNaN(value) ? null : value);
  const flag = (value: number): boolean | null => (Number.isNaN(value) ? null : value !== 0);
  const types = [null, "host", "device", "array", "unified"] as const;
  const access = ["none", "read", null, "read_write"] as const;
  const handle_types = number(native.allowed_handle_types);
  return {
    memory_type: types[native.memory_type] ?? null,
    managed: flag(native.is_managed),
    device_ordinal: number(native.device_ordinal),
    host_accessible: flag(native.has_host_pointer),
    range_bytes: number(native.range_bytes),
    range_offset: number(native.range_offset),
    mapped: flag(native.mapped),
    access: access[native.access_flags] ?? null,
    descriptor_exportable: handle_types === null ? null : (handle_types & 1) !== 0,
    ipc_exportable: flag(native.ipc_capable),
  };
}
