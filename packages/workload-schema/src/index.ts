export { type Sha256Hex, type WorkloadId, isSha256Hex, isWorkloadId } from "./branded.js";
export { canonicalizeWorkloadSpec } from "./canonicalize-workload-spec.js";
export type { Dialect, ReadOptions } from "./dialect.js";
export { type KnobDiff, diffWorkloads } from "./diff-workloads.js";
export { formatIssues } from "./format-issues.js";
export type { Issue, IssueCode, Read } from "./issue.js";
export {
  type AntKnob,
  type ColonyKnob,
  type KnobRule,
  type SectionName,
  knobRules,
  precisions,
  ptrDtypes,
  schemaVersion,
} from "./knobs.js";
export { type PresetName, findPreset, presets } from "./presets.js";
export { parseWorkloadSpec, readWorkloadSpec } from "./read-workload-spec.js";
export { toSafeInts } from "./safe-ints.js";
export type { StandardSchemaV1 } from "./standard-schema.js";
export { type WorkloadVariable, workloadFromEnv, workloadToEnv, workloadVariables } from "./workload-env.js";
export { canonicalWorkloadJson, computeWorkloadDigest, computeWorkloadId } from "./workload-id.js";
export { WorkloadSchemaError, type WorkloadSchemaErrorCode, isWorkloadSchemaError } from "./workload-schema-error.js";
export type {
  AntSpec,
  ColonySpec,
  JsonValue,
  Labels,
  Precision,
  PtrDtype,
  SpecInteger,
  WorkloadSpec,
} from "./workload-spec.js";
export { workloadSpecSchema } from "./workload-spec-schema.js";
