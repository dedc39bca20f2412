import { type DeviceSelector, type GpuReport, resolveDevice } from "@vrx/cuda-gate";
import { type CollectReportOptions, type GatheredResidency, proveResidency } from "@vrx/cuda-gate/node";

/** A process shown to be on the GPU that `device` is here (INV-GPUTRAIN-003); null where it is the CPU, or not there. */
export async function proofFor(
  device: DeviceSelector,
  report: GpuReport,
  { signal, driver }: CollectReportOptions,
): Promise<GatheredResidency | null> {
  const resolution = resolveDevice(device, report);
  if (resolution.status !== "ok" || resolution.uuid === null) return null;
  return await proveResidency({
    device_uuid: resolution.uuid,
    ...(signal === undefined ? {} : { signal }),
    ...(driver === undefined ? {} : { driver }),
  });
}
