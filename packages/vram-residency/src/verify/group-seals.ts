import { type KeyLookup, type SealEnvelope, type SealEnvelopeVerdict, verifySealEnvelope } from "./seal-envelope.js";
import { shardFields } from "./sealed-shard.js";
import { type GroupProblem, verifyGroup } from "./shard-group.js";

/** What a tensor-parallel group must be, by whoever made it; what is left out is not compared. */
export interface GroupStatement {
  /** SHA-256 over the members' digests in order, as `groupDigest` computes it. */
  readonly group_digest: string;
  readonly total_shards?: number;
  /** What the model is called; null for one without a name. */
  readonly model_ref?: string | null;
}

/** Every way in which a group of seals can fail: those of a seal, those of a group, and another group than the stated one. */
export type GroupSealProblem =
  | (SealEnvelopeVerdict & { readonly status: "failed" })["reason"]
  | GroupProblem
  | "wrong_total"
  | "wrong_model_ref"
  | "wrong_group_digest";

export type GroupSealsVerdict =
  | {
      readonly status: "complete";
      readonly total_shards: number;
      readonly group_digest: string;
      readonly model_ref: string | null;
      /** The devices that hold the members, in the order of their index. */
      readonly gpu_uuids: readonly string[];
    }
  | {
      readonly status: "failed";
      readonly problems: readonly { readonly problem: GroupSealProblem; readonly message: string }[];
    };

/**
 * Checks the signed seals of all members of a group, without a GPU: every tag by its worker's key, that each member is
 * there once and is of the same model, and that they are the group that was stated; null where nobody stated one. All
 * problems at once. It says that these bytes were sealed, not that they are still there: each worker verifies its own.
 */
export function verifyGroupSeals(
  envelopes: readonly SealEnvelope[],
  statement: GroupStatement | null,
  keys: KeyLookup,
): GroupSealsVerdict {
  const problems: { readonly problem: GroupSealProblem; readonly message: string }[] = [];
  for (const envelope of envelopes) {
    const verdict = verifySealEnvelope(envelope, keys);
    if (verdict.status === "verified") continue;
    const message = `the seal of ${envelope.shard.shard_id} does not hold: ${verdict.reason}`;
    problems.push({ problem: verdict.reason, message });
  }
  const group = verifyGroup(
    envelopes.map(({ shard, context }) => ({ ...shardFields(shard), model_ref: context.model_ref })),
  );
  if (group.status === "failed") {
    // A seal without a digest was told above.
    return {
      status: "failed",
      problems: [...problems, ...group.problems.filter((one) => one.problem !== "not_sealed")],
    };
  }
  const model_ref = envelopes[0]?.context.model_ref ?? null;
  problems.push(...differences({ ...group, model_ref }, statement));
  if (problems.length > 0) return { status: "failed", problems };
  const { total_shards, group_digest } = group;
  const ordered = [...envelopes].sort((a, b) => (a.shard.shard_index ?? 0) - (b.shard.shard_index ?? 0));
  const gpu_uuids = ordered.map(({ context }) => context.gpu_uuid);
  return { status: "complete", total_shards, group_digest, model_ref, gpu_uuids };
}

function differences(
  found: Required<GroupStatement>,
  stated: GroupStatement | null,
): readonly { readonly problem: GroupSealProblem; readonly message: string }[] {
  if (stated === null) return [];
  return (
    [
      ["wrong_total", stated.total_shards, found.total_shards],
      ["wrong_model_ref", stated.model_ref, found.model_ref],
      ["wrong_group_digest", stated.group_digest, found.group_digest],
    ] as const
  )
    .filter(([, wanted, is]) => wanted !== undefined && wanted !== is)
    .map(([problem, wanted, is]) => ({ problem, message: `expected ${String(wanted)}, found ${String(is)}` }));
}
