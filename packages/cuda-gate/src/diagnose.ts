import { MAX_DEVICES } from "./device-spec.js";
import type { GpuReport, UnavailableReason } from "./gpu-report.js";
import { contradictions } from "./internal/contradictions.js";
import { fixes } from "./internal/fixes.js";
import { type VersionJsonCudaFields, verdictFromVersionJsonFields } from "./version-report.js";

/** What a host is meant to have: a GPU that can be used, none, or whichever it has. */
export const EXPECTATIONS = ["cuda", "cpu", "any"] as const;

export type Expectation = (typeof EXPECTATIONS)[number];

/** What a host is, as far as GPUs go. */
export const GPU_STATES = [
  "not_built",
  "built_no_driver",
  "built_driver_no_device",
  "hidden_devices",
  "ready",
  "inconsistent",
] as const;

export type GpuState = (typeof GPU_STATES)[number];

/** Why a host is what it is, or is not what it should be. */
export type CauseCode =
  | UnavailableReason
  /** The runtime is not available, and the report does not say why. */
  | "runtime_unavailable"
  /** FM-GPUTRAIN-STALE-BUILD as its contract has it: CUDA is expected and not built in. */
  | "stale_build"
  /** A driver has a GPU that this build cannot use. */
  | "runtime_without_build"
  /** No GPU is expected and one can be used. */
  | "gpu_present"
  | "available_without_device"
  | "device_without_runtime"
  | "too_many_devices"
  | "duplicate_device"
  | "device_order"
  | "device_text"
  | "devices_disagree";

/** A cause in words, and what to do about it. */
export interface Cause {
  readonly code: CauseCode;
  readonly why: string;
  readonly fix: string;
}

/** What a report amounts to. */
export interface Diagnosis {
  readonly state: GpuState;
  /** Whether the state is what was expected; what is wrong is among the causes. */
  readonly meets_expectation: boolean;
  /** Whether the facts are enough to tell: false when the driver did not answer, or for a stand-in for hardware. */
  readonly conclusive: boolean;
  readonly causes: readonly Cause[];
}

/** The facts a diagnosis needs: the three keys of any version report; more of them say more. */
export type DiagnosedReport = VersionJsonCudaFields &
  Partial<Pick<GpuReport, "devices" | "unavailable" | "simulated" | "reasons">>;

const states: Readonly<Record<UnavailableReason, GpuState>> = {
  addon_not_built: "not_built",
  kernels_missing: "not_built",
  driver_missing: "built_no_driver",
  stub_library: "built_no_driver",
  driver_too_old: "built_no_driver",
  init_error: "built_no_driver",
  probe_timeout: "built_no_driver",
  probe_crashed: "built_no_driver",
  permission: "built_driver_no_device",
  no_device: "built_driver_no_device",
  hidden_by_visible_devices: "hidden_devices",
};

/**
 * Says what a host is and why, from a closed set of states and causes, each cause with what to do. The two binary gates
 * stay what they are; this names what they cannot tell apart: a build without CUDA where CUDA is expected
 * (`stale_build`), a driver without a device, and reports whose facts contradict each other.
 *
 * @example
 * const report = { cuda_feature: false, cuda_runtime_available: false, visible_devices: [] };
 * diagnose(report, "cuda").causes.map(({ code }) => code); // ["stale_build", "addon_not_built"]
 * diagnose(report, "cpu").meets_expectation; // true
 */
export function diagnose(report: DiagnosedReport, expectation: Expectation = "any"): Diagnosis {
  const against = contradictions(report);
  const reason = whyUnusable(report);
  const state = against.length > 0 ? "inconsistent" : stateOf(reason);
  const causes: Cause[] = [];
  const add = (code: CauseCode, why: string, fix: string): void => void causes.push({ code, why, fix });
  const { cuda_feature, cuda_runtime_available, visible_devices, reasons = {} } = report;
  if (expectation === "cuda" && !cuda_feature) {
    const why = "FM-GPUTRAIN-STALE-BUILD: CUDA is expected here and this build has none";
    add("stale_build", why, fixes.addon_not_built.fix);
  }
  if (expectation === "cpu" && state === "ready") {
    add("gpu_present", "no GPU is expected here and one can be used", "hide it with CUDA_VISIBLE_DEVICES=-1");
  }
  if (reason !== null) {
    const { why, fix } = fixes[reason];
    const notBuilt = reason === "addon_not_built" || reason === "kernels_missing";
    const said = reasons[notBuilt ? "cuda_feature" : "cuda_runtime_available"];
    add(reason, said === undefined ? why : `${why}: ${said}`, fix);
  }
  if (cuda_runtime_available && !cuda_feature) {
    const why = "the driver has a GPU and this build has no support for it";
    add("runtime_without_build", why, fixes.addon_not_built.fix);
  }
  if (visible_devices.length > MAX_DEVICES) {
    const why = `${visible_devices.length} devices are visible; the device grammar ends at ${MAX_DEVICES}`;
    add("too_many_devices", why, "hide some with CUDA_VISIBLE_DEVICES");
  }
  const conclusive = reason !== "probe_timeout" && reason !== "probe_crashed" && report.simulated !== true;
  return { state, meets_expectation: meets(report, state, expectation), conclusive, causes: [...causes, ...against] };
}

function whyUnusable(report: DiagnosedReport): UnavailableReason | "runtime_unavailable" | null {
  const { cuda_feature, cuda_runtime_available, unavailable = null } = report;
  if (!cuda_feature) return unavailable === "kernels_missing" ? unavailable : "addon_not_built";
  return cuda_runtime_available ? null : (unavailable ?? "runtime_unavailable");
}

function stateOf(reason: UnavailableReason | "runtime_unavailable" | null): GpuState {
  if (reason === null) return "ready";
  return reason === "runtime_unavailable" ? "built_no_driver" : states[reason];
}

function meets(report: DiagnosedReport, state: GpuState, expectation: Expectation): boolean {
  if (state === "inconsistent") return false;
  switch (expectation) {
    case "any":
      return true;
    case "cpu":
      return state !== "ready";
    case "cuda":
      return state === "ready" && verdictFromVersionJsonFields(report) === "pass";
  }
}
