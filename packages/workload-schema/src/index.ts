export { type Sha256Hex, type WorkloadId, isSha256Hex, isWorkloadId } from "./branded.js";
export type { Dialect, ReadOptions } from "./dialect.js";
export { formatIssues } from "./format-issues.js";
export type { Issue, IssueCode, Read } from "./issue.js";
export { type PresetName, findPreset, presets } from "./presets.js";
export { parseWorkloadSpec, readWorkloadSpec } from "./read-workload-spec.js";
export { toSafeInts } from "./safe-ints.js";
export { type WorkloadSource, canonicalWorkloadJson, computeWorkloadDigest, computeWorkloadId } from "./workload-id.js";
export { WorkloadSchemaError, type WorkloadSchemaErrorCode, isWorkloadSchemaError } from "./workload-schema-error.js";
export type {
  AntSpec,
  ColonySpec,
  JsonValue,
  Precision,
  PtrDtype,
  SpecInteger,
  WorkloadSpec,
} from "./workload-spec.js";
