/** Checks that need no GPU, no native code and no module of Node: descriptors, seals, groups, attestations, audit chains. */
export {
  ATTESTATION_TYPE,
  type Attestation,
  type AttestationStatement,
  type HardwareReport,
  type PolicyEvidence,
  TRUST_LEVELS,
  type TrustLevel,
  readAttestation,
  readAttestationStatement,
} from "./attestation.js";
export {
  AUDIT_GENESIS,
  type AuditAnchor,
  type AuditProblem,
  type AuditVerdict,
  isAuditAnchor,
  verifyAudit,
  verifyAuditText,
} from "./audit-chain.js";
export {
  type DsseEnvelope,
  type DsseVerdict,
  type VerificationKey,
  dssePreAuthentication,
  readDsseEnvelope,
  verifyDsse,
} from "./dsse.js";
export { type FieldIssue, type Read, formatFieldIssues } from "./field-issue.js";
export { type GroupSealProblem, type GroupSealsVerdict, type GroupStatement, verifyGroupSeals } from "./group-seals.js";
export {
  type KeyLookup,
  type SealEnvelope,
  type SealEnvelopeVerdict,
  readSealEnvelope,
  verifySealEnvelope,
  verifySealTag,
  verifySealV1,
} from "./seal-envelope.js";
export { type SealContext, sealMessageV1, sealMessageV2 } from "./seal-message.js";
export {
  type DigestComparison,
  MAX_GPU_DEVICE,
  MAX_TOTAL_SHARDS,
  ModelShardHandle,
  SealedShard,
  type SealedShardFields,
  isDigest,
  isShardId,
  readSealedShard,
} from "./sealed-shard.js";
export { type GroupMember, type GroupProblem, type GroupVerdict, groupDigest, verifyGroup } from "./shard-group.js";
export {
  VERIFICATION_TIERS,
  type VerificationAssumption,
  type VerificationEvidence,
  type VerificationFailure,
  type VerificationTier,
  missProbability,
} from "./verification.js";
export {
  type AttestationRefusal,
  type AttestationVerdict,
  type VerifyAttestationOptions,
  verifyAttestation,
} from "./verify-attestation.js";
