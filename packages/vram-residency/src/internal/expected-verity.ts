import type { FileHandle } from "node:fs/promises";
import type { VerityMeasurement } from "@vrx/native-cuda";
import { VramResidencyError } from "../errors.js";
import { LEAF_BYTES } from "../host-digest.js";

/** Why the kernel gives no digest to compare with; the reason of an `invalid_input`. */
export type VerityRefusal =
  | "verity_not_a_file"
  | "verity_not_enabled"
  | "verity_unsupported"
  | "verity_not_linux"
  | "verity_addon_not_built"
  | "verity_algorithm"
  | "verity_block_size"
  | "verity_salt";

/**
 * The tree digest that the kernel has for an open file. Throws `invalid_input` with a reason of its own for each way in
 * which there is none, or none that the device can compute: other parameters give other digests of the same bytes.
 */
export async function kernelTreeDigest(
  file: FileHandle,
  measure: (file: FileHandle) => Promise<VerityMeasurement>,
): Promise<string> {
  const measured = await measure(file);
  if (measured.status === "unavailable") throw verityRefused(`verity_${measured.reason}`, measured.message);
  const { algorithm, digest, parameters } = measured;
  if (algorithm !== "sha256") throw verityRefused("verity_algorithm", `expected sha256, found ${algorithm}`);
  if (parameters !== null && parameters.block_bytes !== LEAF_BYTES) {
    const found = `expected blocks of ${LEAF_BYTES} bytes, found ${parameters.block_bytes}`;
    throw verityRefused("verity_block_size", `${found}: fsverity enable --block-size=${LEAF_BYTES}`);
  }
  if (parameters !== null && parameters.salt !== "") {
    throw verityRefused("verity_salt", "expected no salt, found one: fsverity enable without --salt");
  }
  return digest;
}

/** The error for a source whose digest the kernel does not have. */
export function verityRefused(reason: VerityRefusal, why: string): VramResidencyError {
  const message = `the kernel has no digest for this model that could be expected: ${why}`;
  return new VramResidencyError("invalid_input", message, { details: { reason } });
}
