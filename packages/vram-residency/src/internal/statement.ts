import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readGpu } from "@vrx/native-cuda";
import type { HardwareReporter } from "../attest.js";
import type { PolicyReport } from "../manager-options.js";
import type { AttestationStatement, VerificationEvidence } from "../verify/index.js";
import { type ManagerCore, timeOf } from "./manager-core.js";
import type { ShardRecord } from "./shard-record.js";

/** What a manager can say of a shard that was just verified, and who in the hardware can confirm it. */
export async function describeResidency(
  core: ManagerCore,
  record: ShardRecord,
  facts: { readonly nonce: string; readonly verification: VerificationEvidence; readonly policy: PolicyReport },
): Promise<{
  readonly statement: Omit<AttestationStatement, "claimed_level">;
  readonly reporter: HardwareReporter | null;
}> {
  const { nvml } = core;
  const { device } = core.context;
  const reading = nvml === null ? null : await readGpu(nvml, device.uuid).catch(() => null);
  const confidential = nvml?.confCompute() ?? null;
  const { major, minor } = device.compute_capability;
  const state =
    confidential === null ? null : !confidential.enabled ? "off" : confidential.dev_tools ? "dev_tools" : "on";
  return {
    statement: {
      schema: "vrx_residency_attestation_v1",
      nonce: facts.nonce,
      issued_at: timeOf(core),
      worker_id: core.worker_id,
      simulated: device.simulated,
      shard: record.shard,
      seal: record.context,
      verification: facts.verification,
      policy: {
        proven: facts.policy.proven.map(({ check }) => check),
        not_provable: facts.policy.notProvable.map(({ check, why }) => ({ check, why })),
      },
      device: {
        uuid: device.uuid,
        name: device.name,
        compute_capability: `${major}.${minor}`,
        total_bytes: device.total_bytes,
      },
      driver: {
        version: nvml?.driver_version ?? null,
        library: device.driver.file,
        library_sha256: await fileDigest(device.driver.file),
      },
      ecc: {
        enabled: reading?.ecc.enabled ?? device.ecc_enabled,
        uncorrected_volatile: reading?.ecc.uncorrected_volatile ?? null,
      },
      confidential_computing: state,
    },
    reporter: nvml !== null && state === "on" ? (bytes) => nvml.attestation(device.uuid, bytes) : null,
  };
}

async function fileDigest(file: string): Promise<string | null> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    return hash.digest("hex");
  } catch {
    return null;
  }
}
