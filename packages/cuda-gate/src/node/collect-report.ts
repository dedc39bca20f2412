// Declared in a file of its own, which an import would have to find in the build.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="./internal/bundled.d.ts" />
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { loadAddon } from "@vrx/native-cuda";
import type { GpuReport, ReportedDevice, UnavailableReason } from "../gpu-report.js";
import type { DriverAnswer } from "./internal/ask-driver.js";
import { askNvidiaSmi } from "./internal/ask-nvidia-smi.js";
import { packagedArchs } from "./internal/packaged-archs.js";
import { source } from "./internal/report-program.ts?bundled";
import { runApart } from "./internal/run-apart.js";

/** A driver by the file of its library: the fake driver's, for tests. */
export interface DriverChoice {
  readonly library: string;
}

/** What `collectReport` takes. */
export interface CollectReportOptions {
  readonly signal?: AbortSignal;
  /** A driver other than the system's. */
  readonly driver?: DriverChoice;
  /** How long the driver may take to answer, 10,000 ms by default: the first start of eight GPUs takes seconds. */
  readonly timeout_ms?: number;
}

const NVIDIA_SMI_TIMEOUT_MS = 3000;

/**
 * Says what GPU support is built in, what the driver sees, and why not. Never throws for what a host lacks, and waits for
 * no driver longer than `timeout_ms`: it is asked in a process of its own, which may hang or crash without harm.
 * `cuda_feature` means that the addon is built and kernels are packaged. Where the addon is not built, nvidia-smi is asked
 * instead (at most 3 s), so that a GPU nobody can use is seen. Rejects with the signal's reason when aborted.
 *
 * @example
 * const report = await collectReport();
 * diagnose(report, "cuda").causes; // what to do before a GPU can be used
 */
export async function collectReport(options: CollectReportOptions = {}): Promise<GpuReport> {
  const { signal, driver, timeout_ms = 10_000 } = options;
  signal?.throwIfAborted();
  const began_ms = performance.now();
  const find = createRequire(import.meta.url);
  const root = dirname(find.resolve("@vrx/native-cuda/package.json"));
  const addon = loadAddon();
  const cuda_archs = packagedArchs(root);
  const cuda_feature = addon.status === "loaded" && cuda_archs.length > 0;
  const finish = (answer: DriverAnswer, method: GpuReport["probe"]["method"]): GpuReport => ({
    cuda_feature,
    cuda_runtime_available: answer.devices.length > 0,
    visible_devices: answer.devices.map(({ ordinal, name }) => `${ordinal}:${name}`),
    ...answer,
    cuda_archs,
    // What is not built is the first thing to mend; what the driver says stays among the reasons.
    unavailable: cuda_feature ? answer.unavailable : notBuilt(addon.status),
    probe: { method, probe_ms: Math.round(performance.now() - began_ms), probed_utc: new Date().toISOString() },
    reasons: { ...whyNotBuilt(addon, cuda_archs), ...answer.reasons },
  });
  if (addon.status === "unavailable") {
    const listed = await askNvidiaSmi(NVIDIA_SMI_TIMEOUT_MS, signal);
    return listed.status === "ok" && listed.devices.length > 0
      ? finish(withoutDriver("addon_not_built", listed.devices, listed.driver_version), "nvidia_smi")
      : finish(withoutDriver("addon_not_built"), "none");
  }
  // The CommonJS build: a program that is a text can load it from anywhere.
  const args = [find.resolve("@vrx/native-cuda"), driver?.library ?? ""];
  const asked = await runApart<DriverAnswer>(source, args, { timeout_ms, signal });
  if (asked.status === "ok") return finish(asked.answer, "driver");
  const why = { cuda_runtime_available: asked.why };
  return finish({ ...withoutDriver(asked.reason), simulated: driver !== undefined, reasons: why }, "driver");
}

function notBuilt(addon: "loaded" | "unavailable"): UnavailableReason {
  return addon === "loaded" ? "kernels_missing" : "addon_not_built";
}

function whyNotBuilt(
  addon: ReturnType<typeof loadAddon>,
  cuda_archs: readonly string[],
): Readonly<Record<string, string>> {
  if (addon.status === "unavailable") return { cuda_feature: `${addon.message}; ${addon.fix}` };
  return cuda_archs.length > 0 ? {} : { cuda_feature: "the package @vrx/native-cuda has no kernel images" };
}

/** An answer where no driver was asked, or none answered. */
function withoutDriver(
  unavailable: UnavailableReason,
  devices: readonly ReportedDevice[] = [],
  driver_version: string | null = null,
): DriverAnswer {
  const unknown = "no driver was asked";
  return {
    devices,
    unavailable,
    driver_version,
    cuda_driver_api: null,
    driver_library: null,
    simulated: false,
    reasons: devices.length > 0 ? { cuda_driver_api: unknown, "devices/*/health": unknown } : {},
  };
}
