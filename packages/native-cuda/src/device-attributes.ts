/**
 * What a device can do and how large it is. Booleans and counts come from `cuDeviceGetAttribute`; null where the driver
 * does not know the attribute.
 */
export interface DeviceAttributes {
  readonly max_threads_per_block: number | null;
  readonly max_block_dim: readonly (number | null)[];
  readonly max_grid_dim: readonly (number | null)[];
  readonly warp_size: number | null;
  readonly multiprocessors: number | null;
  readonly max_threads_per_multiprocessor: number | null;
  readonly registers_per_block: number | null;
  readonly registers_per_multiprocessor: number | null;
  readonly shared_bytes_per_block: number | null;
  /** Dynamic shared memory that a kernel may opt in to. */
  readonly shared_bytes_per_block_optin: number | null;
  readonly shared_bytes_per_multiprocessor: number | null;
  readonly l2_bytes: number | null;
  readonly memory_bus_bits: number | null;
  readonly memory_clock_khz: number | null;
  readonly clock_khz: number | null;
  readonly copy_engines: number | null;
  readonly cooperative_launch: boolean | null;
  readonly kernel_time_limit: boolean | null;
  /** How many processes may use it: `default`, `prohibited` (none), `exclusive_process` (one). */
  readonly compute_mode: "default" | "prohibited" | "exclusive_process" | null;
  /** Host and device share one address space; true of every 64-bit discrete GPU, and no sign of migration. */
  readonly unified_addressing: boolean | null;
  readonly managed_memory: boolean | null;
  readonly concurrent_managed_access: boolean | null;
  /** Kernels can reach ordinary host memory (HMM or ATS). */
  readonly pageable_memory_access: boolean | null;
  /** ... through the host's own page tables (ATS). */
  readonly pageable_access_uses_host_page_tables: boolean | null;
  readonly direct_managed_access_from_host: boolean | null;
  readonly can_map_host_memory: boolean | null;
  readonly host_register: boolean | null;
  /** Windows: true for the compute driver model (TCC), false for the display one (WDDM), which may move memory to the host. */
  readonly tcc_driver: boolean | null;
  readonly virtual_memory_management: boolean | null;
  readonly posix_descriptor_handles: boolean | null;
  readonly memory_pools: boolean | null;
  /** Handles of `cuMemPool` exports, a mask of allocation handle types. */
  readonly pool_handle_types: number | null;
  readonly ipc_events: boolean | null;
  readonly gpu_direct_rdma: boolean | null;
  readonly mps: boolean | null;
  readonly numa_node: number | null;
}

/** Numbers of `CUdevice_attribute` (cuda.h). */
export const attributeNumbers = {
  max_threads_per_block: 1,
  max_block_dim_x: 2,
  max_block_dim_y: 3,
  max_block_dim_z: 4,
  max_grid_dim_x: 5,
  max_grid_dim_y: 6,
  max_grid_dim_z: 7,
  shared_bytes_per_block: 8,
  warp_size: 10,
  registers_per_block: 12,
  clock_khz: 13,
  multiprocessors: 16,
  kernel_time_limit: 17,
  integrated: 18,
  can_map_host_memory: 19,
  compute_mode: 20,
  ecc_enabled: 32,
  tcc_driver: 35,
  memory_clock_khz: 36,
  memory_bus_bits: 37,
  l2_bytes: 38,
  max_threads_per_multiprocessor: 39,
  copy_engines: 40,
  unified_addressing: 41,
  compute_capability_major: 75,
  compute_capability_minor: 76,
  shared_bytes_per_multiprocessor: 81,
  registers_per_multiprocessor: 82,
  managed_memory: 83,
  pageable_memory_access: 88,
  concurrent_managed_access: 89,
  cooperative_launch: 95,
  shared_bytes_per_block_optin: 97,
  host_register: 99,
  pageable_access_uses_host_page_tables: 100,
  direct_managed_access_from_host: 101,
  virtual_memory_management: 102,
  posix_descriptor_handles: 103,
  memory_pools: 115,
  gpu_direct_rdma: 116,
  pool_handle_types: 119,
  ipc_events: 125,
  numa_node: 131,
  mps: 133,
} as const;

/** A name of an attribute. */
export type AttributeName = keyof typeof attributeNumbers;

/** Looks one attribute up; null where the driver does not know it. */
export type AttributeLookup = (name: AttributeName) => number | null;

/** The attributes as data. */
export function readAttributes(number: AttributeLookup): DeviceAttributes {
  const flag = (name: AttributeName): boolean | null => {
    const value = number(name);
    return value === null ? null : value !== 0;
  };
  return Object.freeze({
    max_threads_per_block: number("max_threads_per_block"),
    max_block_dim: [number("max_block_dim_x"), number("max_block_dim_y"), number("max_block_dim_z")],
    max_grid_dim: [number("max_grid_dim_x"), number("max_grid_dim_y"), number("max_grid_dim_z")],
    warp_size: number("warp_size"),
    multiprocessors: number("multiprocessors"),
    max_threads_per_multiprocessor: number("max_threads_per_multiprocessor"),
    registers_per_block: number("registers_per_block"),
    registers_per_multiprocessor: number("registers_per_multiprocessor"),
    shared_bytes_per_block: number("shared_bytes_per_block"),
    shared_bytes_per_block_optin: number("shared_bytes_per_block_optin"),
    shared_bytes_per_multiprocessor: number("shared_bytes_per_multiprocessor"),
    l2_bytes: number("l2_bytes"),
    memory_bus_bits: number("memory_bus_bits"),
    memory_clock_khz: number("memory_clock_khz"),
    clock_khz: number("clock_khz"),
    copy_engines: number("copy_engines"),
    cooperative_launch: flag("cooperative_launch"),
    kernel_time_limit: flag("kernel_time_limit"),
    compute_mode: computeMode(number("compute_mode")),
    unified_addressing: flag("unified_addressing"),
    managed_memory: flag("managed_memory"),
    concurrent_managed_access: flag("concurrent_managed_access"),
    pageable_memory_access: flag("pageable_memory_access"),
    pageable_access_uses_host_page_tables: flag("pageable_access_uses_host_page_tables"),
    direct_managed_access_from_host: flag("direct_managed_access_from_host"),
    can_map_host_memory: flag("can_map_host_memory"),
    host_register: flag("host_register"),
    tcc_driver: flag("tcc_driver"),
    virtual_memory_management: flag("virtual_memory_management"),
    posix_descriptor_handles: flag("posix_descriptor_handles"),
    memory_pools: flag("memory_pools"),
    pool_handle_types: number("pool_handle_types"),
    ipc_events: flag("ipc_events"),
    gpu_direct_rdma: flag("gpu_direct_rdma"),
    mps: flag("mps"),
    numa_node: number("numa_node"),
  });
}

function computeMode(value: number | null): DeviceAttributes["compute_mode"] {
  switch (value) {
    case 0:
      return "default";
    case 2:
      return "prohibited";
    case 3:
      return "exclusive_process";
    default:
      return null;
  }
}
