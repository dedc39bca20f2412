import type { Sha256Hex, WorkloadId } from "./branded.js";
import { canonicalText } from "./internal/canonical-text.js";
import { requireSpec } from "./internal/require-spec.js";
import { sha256Hex } from "./internal/sha256.js";
import type { SpecInteger, WorkloadSpec } from "./workload-spec.js";

/**
 * The text whose hash is the id (docs/gpu/workload_schema_v1.md): schema version and knobs without labels, keys sorted, no
 * spaces, ASCII. Takes a spec of a program as strictly as one of a file: throws a {@link WorkloadSchemaError} with
 * every issue for unknown or missing keys, fractions, unknown words, and for a `number` beyond 2^53-1, which has
 * lost digits already (use a `bigint`).
 */
export function canonicalWorkloadJson(spec: WorkloadSpec<SpecInteger>): string {
  return canonicalText(requireSpec(spec));
}

/** SHA-256 of {@link canonicalWorkloadJson}, all 64 digits: what to join, compare and prove by. Throws alike. */
export function computeWorkloadDigest(spec: WorkloadSpec<SpecInteger>): Sha256Hex {
  return sha256Hex(canonicalWorkloadJson(spec)) as Sha256Hex;
}

/**
 * `wl_v1_` and the first 12 digits of {@link computeWorkloadDigest}: the name of a workload among people, the same
 * as the Python tool's. 48 bits collide (`od1_real` with `seq_len` 27808748 and with 34366062): join by the digest.
 * Throws as {@link canonicalWorkloadJson} does.
 *
 * @example
 * computeWorkloadId(presets.od1_small); // "wl_v1_37d4c849bed8"
 * computeWorkloadId(parseWorkloadSpec(text)); // from a file's text
 */
export function computeWorkloadId(spec: WorkloadSpec<SpecInteger>): WorkloadId {
  return `wl_v1_${computeWorkloadDigest(spec).slice(0, 12)}` as WorkloadId;
}
