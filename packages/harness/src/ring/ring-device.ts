import type { ExecutedPrecision, RunDevice, StepTimeMode } from "@vrx/objective-contract";
import type { Engine, Session } from "@vrx/ring-engine";
import { withGpuWatch } from "../gpu/with-gpu-watch.js";
import { type Workload, cpuDevice } from "../workload.js";

/** What an engine runs on, for the run's artifacts: a GPU goes by its UUID. */
export function ringDevice({ device }: Pick<Engine, "device">): RunDevice {
  return device === null ? cpuDevice : { kind: "cuda", name: device.uuid, simulated: device.simulated };
}

/** Steps on a device are timed by its own events. */
export function stepTimeMode({ device }: Pick<Engine, "device">): StepTimeMode {
  return device === null ? "perf_counter" : "cuda_events";
}

/** Below fp32, products are in the low precision and everything else in fp32: what the contract calls mixed precision. */
export function executedBy({ executed_precision }: Pick<Session, "executed_precision">): ExecutedPrecision {
  return { precision: executed_precision, amp: executed_precision === "fp16" || executed_precision === "bf16" };
}

/** A ring on a GPU is watched from outside; on the host there is nothing to watch. */
export function watchedRing({ device, options }: Pick<Engine, "device" | "options">, ring: Workload): Workload {
  if (device === null) return ring;
  const { driver } = options;
  return withGpuWatch(ring, { device: device.uuid, ...(driver === undefined ? {} : { driver }) });
}
