/** What NVML tells of a simulated device, in the units of NVML itself. */
export const fakeFigureNames = [
  "clock_sm_mhz",
  "clock_graphics_mhz",
  "clock_memory_mhz",
  "clock_video_mhz",
  "max_clock_sm_mhz",
  "max_clock_graphics_mhz",
  "max_clock_memory_mhz",
  "temperature_c",
  "power_mw",
  "power_limit_mw",
  "energy_mj",
  /** A mask, as `nvmlClocksEventReasons` has it. */
  "throttle_reasons",
  "ecc_mode",
  "ecc_corrected",
  "ecc_uncorrected",
  "remapped_corrected",
  "remapped_uncorrected",
  "remapped_pending",
  "remapped_failed",
  "utilization_gpu",
  "utilization_memory",
  "pcie_width",
  "pcie_generation",
  "max_pcie_width",
  "max_pcie_generation",
  "performance_state",
  "compute_mode",
  "persistence_mode",
  "mig_mode",
  "minor_number",
  /** Whether the amounts of memory and the list of processes are told at all. */
  "memory_info",
  "processes",
] as const;

/** One of them. */
export type FakeFigureName = (typeof fakeFigureNames)[number];
