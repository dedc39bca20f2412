import type { Cause, GpuReport, Preflight, PreflightProblem } from "@vrx/cuda-gate";
import { table } from "../frame/table.js";

/** A report for people. */
export function reportLines(report: GpuReport): readonly string[] {
  const { cuda_feature, cuda_archs, driver_version, cuda_driver_api, driver_library, probe, simulated } = report;
  const built = cuda_feature ? `built in, kernels for ${cuda_archs.join(", ")}` : "not built in";
  const driver = [
    driver_version ?? (cuda_driver_api === null ? "none" : "version unknown"),
    ...(cuda_driver_api === null ? [] : [`CUDA ${cuda_driver_api}`]),
    ...(driver_library === null ? [] : [driver_library]),
  ];
  return [
    `GPU support: ${built}`,
    `driver: ${driver.join(", ")}${simulated ? " (simulated: proves nothing of hardware)" : ""}`,
    `asked by: ${probe.method}, ${probe.probe_ms} ms`,
    ...(report.devices.length === 0 ? ["devices: none"] : ["devices:", ...deviceLines(report).map(indented)]),
  ];
}

function deviceLines({ devices }: GpuReport): readonly string[] {
  const rows = devices.map(({ ordinal, name, uuid, total_mib, compute_capability, health }) => {
    const { width = null, max_width = null } = health?.pcie ?? {};
    const enabled = health?.ecc?.enabled ?? null;
    return [
      `cuda:${ordinal}`,
      name,
      uuid ?? "-",
      total_mib === null ? "-" : `${total_mib} MiB`,
      compute_capability === null ? "-" : `sm_${compute_capability.replace(".", "")}`,
      `ECC ${enabled === null ? "unknown" : enabled ? "on" : "off"}`,
      width === null ? "PCIe unknown" : `PCIe x${width} of x${max_width ?? "?"}`,
      health?.throttle_reasons?.join(" ") ?? "throttling unknown",
    ];
  });
  return table(rows);
}

/** What is wrong, and what to do. */
export function causeLines(causes: readonly Cause[]): readonly string[] {
  return causes.flatMap(({ code, why, fix }) => [`${code}: ${why}`, indented(fix)]);
}

/** What is wrong with GPUs, and what to do. */
export function problemLines(problems: readonly PreflightProblem[]): readonly string[] {
  return problems.flatMap(({ severity, ordinal, code, why, fix }) => [
    `${severity}: cuda:${ordinal}: ${code}: ${why}`,
    indented(fix),
  ]);
}

/** Whether a node is worth starting on. */
export function preflightLines({ status, problems }: Preflight): readonly string[] {
  return [`preflight: ${status}`, ...problemLines(problems).map(indented)];
}

function indented(line: string): string {
  return `  ${line}`;
}
