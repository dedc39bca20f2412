import type { DeviceBuffer } from "@vrx/native-cuda";
import { VramResidencyError } from "../errors.js";
import type { PolicyReport } from "../manager-options.js";
import { type PolicyCheck, checkAllocationPolicy, checkDevicePolicy, summarizePolicy } from "../policy.js";
import { driverFailure } from "./driver-failure.js";
import type { ManagerCore } from "./manager-core.js";
import { policyAllocationFacts, policyDeviceFacts } from "./policy-facts.js";

/** Every check of the policy as it comes out now, over the device and all allocations. */
export function reportPolicy(core: ManagerCore): PolicyReport {
  const { context, mig_mode, records, pinned_uuid } = core;
  const { device } = context;
  const checks = [...checkDevicePolicy(policyDeviceFacts(device, mig_mode), pinned_uuid)];
  for (const { buffer, shard } of records.values()) checks.push(...checkAllocation(core, buffer, shard.vram_bytes));
  const summary = summarizePolicy(checks);
  const having = (outcome: PolicyCheck["outcome"]): PolicyCheck[] => summary.filter((one) => one.outcome === outcome);
  return { proven: having("proven"), notProvable: having("not_provable"), violated: having("violated") };
}

/** The checks of one allocation, by what the driver says of it now. */
export function checkAllocation(core: ManagerCore, buffer: DeviceBuffer, bytes: number): readonly PolicyCheck[] {
  const { ordinal, uuid } = core.context.device;
  return checkAllocationPolicy(policyAllocationFacts(buffer.facts()), { device_ordinal: ordinal, uuid, bytes });
}

/** What is violated now. A driver that does not answer can promise nothing. */
export function violationsNow(core: ManagerCore): readonly PolicyCheck[] {
  try {
    return reportPolicy(core).violated;
  } catch (error) {
    const why = `the driver does not answer: ${driverFailure(error, "open").message}`;
    return [{ check: "memory_type_device", outcome: "violated", why }];
  }
}

/** Audits and logs a violation as a security alert. */
export function alertViolation(
  core: ManagerCore,
  violated: readonly PolicyCheck[],
  action_taken: "worker_stopped" | "refused",
): void {
  for (const { check: violation, why: details } of violated) {
    const facts = { violation, details, severity: "critical", action_taken } as const;
    core.audit({ event_type: "PolicyViolation", policy: "vram_only", ...facts });
    core.logger.error(facts, "security alert: the VRAM-only policy is violated");
  }
}

/** Raises the alert and stops the worker for good; the error for callers. */
export function stopForPolicy(core: ManagerCore, violated: readonly PolicyCheck[]): VramResidencyError {
  alertViolation(core, violated, "worker_stopped");
  core.life.stop();
  const reasons = violated.map(({ check, why }) => `${check}: ${why}`).join("; ");
  const details = { checks: violated.map(({ check }) => check).join(",") };
  return new VramResidencyError("policy_violation", `model bytes may leave VRAM here (${reasons})`, { details });
}
