export { type CollectEnvOptions, collectEnv } from "./collect-env.js";
export { type CompletedRun, type CompletionCause, completeRun } from "./complete-run.js";
export { type RunHeaderInput, createRunHeader } from "./create-run-header.js";
export { MAX_ARTIFACT_BYTES, MAX_SAMPLES } from "./internal/read-files.js";
export {
  type FinishInput,
  type FinishedRun,
  type OpenRunOptions,
  type PreparedFacts,
  type RunWriter,
  openRun,
} from "./open-run.js";
export { type ReadRun, readRun } from "./read-run.js";
export { type Disagreement, type Recheck, type RecordedVerdict } from "./recheck.js";
export { recheckRun } from "./recheck-run.js";
export {
  SEAL_FILE,
  type SealCheck,
  type SealKey,
  type Sealed,
  checkSeal,
  makeSealKey,
  sealFileOf,
  sealPath,
} from "./seal.js";
