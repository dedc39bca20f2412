import type { DeviceHealth, GpuReport } from "./gpu-report.js";

/** What is wrong with a GPU before anything runs on it. */
export type PreflightCode =
  /** Memory errors that could not be corrected, since the driver was loaded. */
  | "ecc_uncorrected"
  /** A row of memory could not be replaced by a spare one. */
  | "row_remap_failed"
  /** A row waits for a reset of the GPU to be replaced. */
  | "row_remap_pending"
  /** The hardware holds clocks down: heat, power brake, slowdown. */
  | "hardware_slowdown"
  /** The driver holds clocks down because of heat. */
  | "thermal_slowdown"
  /** The link to the host has fewer lanes than it could have. */
  | "pcie_width"
  /** The GPU does not tell what would be looked at. */
  | "health_unknown";

/** A problem of one GPU, how bad it is and what to do. */
export interface PreflightProblem {
  readonly code: PreflightCode;
  /** `unfit`: figures from it are worth nothing. `degraded`: they are not those of a healthy one. `unknown`: not told. */
  readonly severity: "unfit" | "degraded" | "unknown";
  readonly ordinal: number;
  readonly uuid: string | null;
  readonly why: string;
  readonly fix: string;
}

/** Whether a node is worth starting on: the worst of its problems, or `no_gpu`. */
export interface Preflight {
  readonly status: "fit" | "unknown" | "degraded" | "unfit" | "no_gpu";
  readonly problems: readonly PreflightProblem[];
}

const HARDWARE = ["hw_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown"];

/**
 * Looks at the health of every GPU in a report before work is sent to the node. Whether ECC is on is no problem here:
 * cards without it exist. Nor is a slow PCIe generation: an idle link is slowed down to save power, its lanes are not
 * taken away.
 *
 * @example
 * preflight(await collectReport()).status; // "no_gpu" on a laptop
 */
export function preflight(report: Pick<GpuReport, "cuda_runtime_available" | "devices" | "reasons">): Preflight {
  if (!report.cuda_runtime_available || report.devices.length === 0) return { status: "no_gpu", problems: [] };
  const problems = report.devices.flatMap(({ ordinal, uuid, health }) =>
    problemsOf(health, report.reasons[`devices/${ordinal}/health`] ?? report.reasons["devices/*/health"]).map(
      (problem) => ({ ...problem, ordinal, uuid }),
    ),
  );
  const worst = (["unfit", "degraded", "unknown"] as const).find((severity) =>
    problems.some((problem) => problem.severity === severity),
  );
  return { status: worst ?? "fit", problems };
}

type Problem = Omit<PreflightProblem, "ordinal" | "uuid">;

function problemsOf(health: DeviceHealth | null, why = "the driver does not say"): readonly Problem[] {
  const problems: Problem[] = [];
  const add = (severity: Problem["severity"], code: PreflightCode, what: string, fix: string): void =>
    void problems.push({ code, severity, why: what, fix });
  const unknown = (what: string): void =>
    add("unknown", "health_unknown", `${what} is not known: ${why}`, "see whether nvidia-smi -q shows it on this node");
  if (health === null) {
    unknown("the state of the GPU");
    return problems;
  }
  const { ecc, remapped_rows: rows, throttle_reasons: reasons, pcie } = health;
  // A card without ECC has no errors to count and no rows to replace, and that is known.
  const uncorrected = ecc?.uncorrected_volatile ?? 0;
  if (uncorrected > 0) {
    const errors = `${uncorrected} memory errors could not be corrected since the driver was loaded`;
    add("unfit", "ecc_uncorrected", errors, "reset the GPU; replace it if they come back");
  }
  if (rows?.failed === true) {
    add("unfit", "row_remap_failed", "a row of memory could not be replaced", "have the card replaced");
  }
  if (rows?.pending === true) {
    add("unfit", "row_remap_pending", "a row of memory waits to be replaced", "drain the node and reset the GPU");
  }
  if (reasons === null) unknown("whether clocks are held down");
  const hardware = reasons?.filter((reason) => HARDWARE.includes(reason)) ?? [];
  if (hardware.length > 0) {
    const what = `the hardware holds clocks down: ${hardware.join(", ")}`;
    add("unfit", "hardware_slowdown", what, "look at cooling and power of the node");
  }
  if (reasons?.includes("sw_thermal_slowdown") === true) {
    add("degraded", "thermal_slowdown", "the driver holds clocks down because of heat", "look at the node's cooling");
  }
  const { width = null, max_width = null } = pcie ?? {};
  if (width === null || max_width === null) unknown("the width of the PCIe link");
  else if (width < max_width) {
    add(
      "degraded",
      "pcie_width",
      `the PCIe link has ${width} of ${max_width} lanes`,
      "seat the card and its riser again",
    );
  }
  return problems;
}
