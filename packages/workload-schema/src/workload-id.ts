import type { Sha256Hex, WorkloadId } from "./branded.js";
import type { ReadOptions } from "./dialect.js";
import { canonicalText } from "./internal/canonical-text.js";
import { findFlaws, isFlawless } from "./internal/check-spec.js";
import { load } from "./internal/load.js";
import { sha256Hex } from "./internal/sha256.js";
import { WorkloadSchemaError } from "./workload-schema-error.js";
import type { SpecInteger, WorkloadSpec } from "./workload-spec.js";

export type WorkloadSource = WorkloadSpec<SpecInteger> | string | Uint8Array;

export function canonicalWorkloadJson(source: WorkloadSource, options?: ReadOptions): string {
  const { value, flaws } =
    typeof source === "string" || source instanceof Uint8Array
      ? load(source, options?.dialect ?? "strict")
      : { value: source, flaws: findFlaws(source) };
  if (isFlawless(value, flaws)) return canonicalText(value);
  throw new WorkloadSchemaError(
    "invalid_spec",
    flaws.map(({ code, path }) => `${code} at /${path.join("/")}`).join(", "),
  );
}

export function computeWorkloadDigest(source: WorkloadSource, options?: ReadOptions): Sha256Hex {
  return sha256Hex(canonicalWorkloadJson(source, options)) as Sha256Hex;
}

export function computeWorkloadId(source: WorkloadSource, options?: ReadOptions): WorkloadId {
  return `wl_v1_${computeWorkloadDigest(source, options).slice(0, 12)}` as WorkloadId;
}
