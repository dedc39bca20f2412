import { type Device, type DeviceSelector, deviceTag } from "./device-spec.js";
import type { GpuReport, ReportedDevice, UnavailableReason } from "./gpu-report.js";

/** Why a device that was asked for cannot be had. */
export type DeviceUnavailableReason = UnavailableReason | "index_out_of_range" | "unknown_uuid";

/** The facts of a report that resolution needs. */
export type ResolvedReport = Pick<GpuReport, "cuda_feature" | "cuda_runtime_available" | "unavailable"> & {
  readonly devices: readonly Pick<ReportedDevice, "ordinal" | "name" | "uuid">[];
};

/** What a device that was asked for is on this host. */
export type Resolution =
  | {
      readonly status: "ok";
      readonly device: Device;
      /** The UUID of the GPU; null on the CPU, and where the driver does not say. */
      readonly uuid: string | null;
      /** The one warning that goes with it: set when `auto` became the CPU, else null. */
      readonly warning: string | null;
    }
  | {
      readonly status: "unavailable";
      readonly code: "cuda_not_available";
      readonly requested: string;
      readonly reason: DeviceUnavailableReason;
      readonly message: string;
    };

function requestedText(selector: DeviceSelector): string {
  switch (selector.kind) {
    case "auto":
      return "auto";
    case "cpu":
    case "cuda":
      return deviceTag(selector);
    case "gpu_uuid":
    case "mig_uuid":
      return selector.uuid;
  }
}

function usable(report: ResolvedReport): boolean {
  return report.cuda_feature && report.cuda_runtime_available && report.devices.length > 0;
}

function whyUnusable({ cuda_feature, cuda_runtime_available, unavailable }: ResolvedReport): UnavailableReason {
  if (!cuda_feature) return unavailable === "kernels_missing" ? unavailable : "addon_not_built";
  return unavailable ?? (cuda_runtime_available ? "no_device" : "init_error");
}

/**
 * Turns what was asked for into a device of this host, and never quietly into the CPU (INV-GPUTRAIN-002). `cpu` asks
 * nothing of the host. A GPU must be there: an ordinal beyond the visible devices and a UUID that none of them has are
 * refused as an absent driver is. Only `auto` may become the CPU, with a warning that says why.
 *
 * @example
 * const { device } = parseDevice("cuda:3");
 * resolveDevice(device, report); // { status: "unavailable", reason: "index_out_of_range", ... } with one GPU
 */
export function resolveDevice(selector: DeviceSelector, report: ResolvedReport): Resolution {
  if (selector.kind === "cpu") return { status: "ok", device: selector, uuid: null, warning: null };
  const requested = requestedText(selector);
  const available = usable(report);
  if (selector.kind === "auto" && !available) {
    const warning = `no GPU can be used (${whyUnusable(report)}): auto runs on the CPU`;
    return { status: "ok", device: { kind: "cpu" }, uuid: null, warning };
  }
  const refuse = (reason: DeviceUnavailableReason, why: string): Resolution => ({
    status: "unavailable",
    code: "cuda_not_available",
    requested,
    reason,
    message: `GATE-GPUTRAIN-002: ${requested} is not available: ${why}; install or rebuild with CUDA support, or ask for --device cpu`,
  });
  if (!available) return refuse(whyUnusable(report), `no GPU can be used (${whyUnusable(report)})`);
  const found = deviceOf(selector, report.devices);
  if (found === undefined) {
    const seen = report.devices.map(
      ({ ordinal, name, uuid }) => `cuda:${ordinal} ${name}${uuid === null ? "" : ` ${uuid}`}`,
    );
    const byUuid = selector.kind === "gpu_uuid" || selector.kind === "mig_uuid";
    return refuse(byUuid ? "unknown_uuid" : "index_out_of_range", `visible are ${seen.join(", ")}`);
  }
  return { status: "ok", device: { kind: "cuda", ordinal: found.ordinal }, uuid: found.uuid, warning: null };
}

function deviceOf(
  selector: DeviceSelector,
  devices: ResolvedReport["devices"],
): ResolvedReport["devices"][number] | undefined {
  switch (selector.kind) {
    case "gpu_uuid":
    case "mig_uuid":
      return devices.find(({ uuid }) => uuid === selector.uuid);
    case "cuda":
      return devices.find(({ ordinal }) => ordinal === selector.ordinal);
    case "auto":
      return devices.find(({ ordinal }) => ordinal === 0);
    case "cpu":
      return undefined;
  }
}
