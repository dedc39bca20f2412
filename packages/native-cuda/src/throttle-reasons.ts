/** Why a GPU runs slower than it could (NVML's clocks event reasons). */
export type ThrottleReason =
  /** Nothing runs. */
  | "gpu_idle"
  /** Somebody set application clocks. */
  | "applications_clocks_setting"
  /** The power limit is reached: the usual state of a busy GPU. */
  | "sw_power_cap"
  /** The hardware slows down: too hot, too much power, or a brake from outside. */
  | "hw_slowdown"
  /** It waits for the slowest of a synchronised group. */
  | "sync_boost"
  | "sw_thermal_slowdown"
  | "hw_thermal_slowdown"
  /** The power supply asks for it. */
  | "hw_power_brake_slowdown"
  | "display_clock_setting";

/** Bits of NVML's mask (nvml.h, nvmlClocksEventReason*). */
const bits: readonly (readonly [number, ThrottleReason])[] = [
  [0x01, "gpu_idle"],
  [0x02, "applications_clocks_setting"],
  [0x04, "sw_power_cap"],
  [0x08, "hw_slowdown"],
  [0x10, "sync_boost"],
  [0x20, "sw_thermal_slowdown"],
  [0x40, "hw_thermal_slowdown"],
  [0x80, "hw_power_brake_slowdown"],
  [0x100, "display_clock_setting"],
];

/** The reasons in NVML's mask; bits that have no name here are left out. */
export function throttleReasons(mask: number): readonly ThrottleReason[] {
  return bits.filter(([bit]) => (mask & bit) !== 0).map(([, reason]) => reason);
}
