import type { ManagerCore } from "./manager-core.js";

/** Audits and warns once when less than the threshold is available, and again only after there was more. */
export function lowVramWatch(
  { budget, logger, audit, context }: Pick<ManagerCore, "budget" | "logger" | "audit" | "context">,
  threshold_bytes: number,
): () => void {
  let low = false;
  return () => {
    const { available_bytes } = budget;
    const before = low;
    low = available_bytes < threshold_bytes;
    if (!low || before) return;
    const facts = { gpu_device: context.device.ordinal, available_bytes, threshold_bytes };
    audit({ event_type: "LowVram", ...facts });
    logger.warn(facts, "VRAM is running low");
  };
}
