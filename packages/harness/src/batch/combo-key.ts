import { createHash } from "node:crypto";
import { type JsonObject, canonicalJson } from "@vrx/objective-contract";
import type { WorkloadSpec } from "@vrx/workload-schema";

/** What a combination is made of: a workload without its batch, at the precision of the track. */
export function comboSpec(spec: WorkloadSpec, precision: string): JsonObject {
  const { ring_len, slot_dim, ptr_dtype } = spec.ant_spec;
  const { seq_len, synth_len, ptr_update_every, state_loop_samples } = spec.colony_spec;
  return {
    schema_version: spec.schema_version,
    ant_spec: { ring_len, slot_dim, ptr_dtype, precision },
    colony_spec: { seq_len, synth_len, ptr_update_every, state_loop_samples },
  };
}

/** `combo_v1_` and the first 12 digits of the SHA-256 of the canonical JSON: for a look-up in one file, not for proof. */
export function comboKey(combo: JsonObject): string {
  return `combo_v1_${createHash("sha256").update(canonicalJson(combo)).digest("hex").slice(0, 12)}`;
}
