export { type AttestationSigner, ed25519Signer, ed25519VerificationKey, sealKeySigner } from "./attest.js";
export type { AuditEvent, AuditSink } from "./audit-event.js";
export { type AuditLog, type AuditLogOptions, auditFiles, openAuditLog, verifyAuditLog } from "./audit-log.js";
export {
  type VramErrorCode,
  type VramErrorDetails,
  VramResidencyError,
  type WorkerError,
  type WorkerErrorCode,
  isVramResidencyError,
} from "./errors.js";
export type { Logger } from "./logger.js";
export type {
  DuplicatePolicy,
  ExpectedDigests,
  MonitorOptions,
  PolicyReport,
  ResidencyHealth,
  SealOptions,
  SweepOptions,
  Verification,
  VerifyOptions,
  VramManagerOptions,
} from "./manager-options.js";
export { type ReadModelSigningOptions, type SignedModelDigests, readModelSigning } from "./model-signing.js";
export type { ModelSource } from "./model-source.js";
export {
  type AllocationExpectation,
  type AllocationFacts,
  POLICY_CHECKS,
  type PolicyCheck,
  type PolicyCheckName,
  type PolicyDeviceFacts,
  checkAllocationPolicy,
  checkDevicePolicy,
} from "./policy.js";
export {
  PROOF_TYPES,
  type ProofBundle,
  type ProofBundleOptions,
  type ProofTestResult,
  type ProofType,
  type ProofVerdict,
  openProofBundle,
  verifyProofBundle,
} from "./proof-bundle.js";
export { type TensorDigest, type TensorRange, readSafetensorsHeader } from "./safetensors.js";
export {
  type KeyProvider,
  MAX_KEY_BYTES,
  MIN_KEY_BYTES,
  type SealKey,
  fixedKeys,
  keyFileKeys,
  rotatingKeys,
  sealKey,
  workerTokenKeys,
  workerTokenVerificationKey,
} from "./seal-keys.js";
export { type GroupPart, type SealedGroup, sealGroup } from "./seal-group.js";
export { SealedHandle } from "./sealed-handle.js";
export {
  type Attestation,
  type AttestationStatement,
  ModelShardHandle,
  type SealEnvelope,
  SealedShard,
  type SealedShardFields,
  type VerificationEvidence,
  type VerificationFailure,
  type VerificationTier,
} from "./verify/index.js";
export { VramManager, createVramManager } from "./vram-manager.js";
export { type AllocationFailureReason, VERIFY_SECONDS_BUCKETS, type VramMetrics } from "./vram-metrics.js";
export { WORKER_TRANSITIONS, type WorkerState, canTransition } from "./worker-state.js";
