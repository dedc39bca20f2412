import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { sha256Hex } from "./bytes.js";
import { MAX_TOTAL_SHARDS, type SealedShardFields, isDigest, shardPlaceIssue } from "./sealed-shard.js";

/** A member of a tensor-parallel group, with what its model is called where that is known. */
export type GroupMember = SealedShardFields & { readonly model_ref?: string | null };

export type GroupProblem =
  | "empty_group"
  | "not_in_a_group"
  | "not_sealed"
  | "mixed_total"
  | "mixed_model_ref"
  | "duplicate_index"
  | "duplicate_shard"
  | "missing_member";

export type GroupVerdict =
  | { readonly status: "complete"; readonly total_shards: number; readonly group_digest: string }
  | {
      readonly status: "failed";
      readonly problems: readonly { readonly problem: GroupProblem; readonly message: string }[];
    };

const DOMAIN = "vrx-group-v1\0";

/**
 * The digest of a group: SHA-256 over the tag `vrx-group-v1` and a zero byte, the number of members as u32
 * (little-endian), and their digests in order of index, 32 bytes each.
 */
export function groupDigest(digests: readonly string[]): string {
  const total = new Uint8Array(4);
  new DataView(total.buffer).setUint32(0, digests.length, true);
  const members = digests.map((digest) => {
    if (!isDigest(digest))
      throw new TypeError(`a member's digest is not 64 lowercase hexadecimal digits: ${digest.slice(0, 80)}`);
    return Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(digest.slice(2 * i, 2 * i + 2), 16));
  });
  return sha256Hex(concatBytes(utf8ToBytes(DOMAIN), total, ...members));
}

/** Whether shards are the members of one group, each there once; all problems at once, in any order of the members. */
export function verifyGroup(members: readonly GroupMember[]): GroupVerdict {
  const problems: { readonly problem: GroupProblem; readonly message: string }[] = [];
  const add = (problem: GroupProblem, message: string): void => void problems.push({ problem, message });
  const first = members[0];
  if (first === undefined)
    return { status: "failed", problems: [{ problem: "empty_group", message: "there is no member" }] };

  for (const { shard_id, shard_index, total_shards, digest } of members) {
    const place = shardPlaceIssue(shard_index, total_shards);
    if (shard_index === null) add("not_in_a_group", `${shard_id} was not sealed as part of a group`);
    else if (place !== null) add("not_in_a_group", `${shard_id}: expected ${place.expected}, found ${place.found}`);
    if (!isDigest(digest)) add("not_sealed", `${shard_id} has no digest`);
  }
  const total = first.total_shards ?? 0;
  for (const { shard_id, total_shards } of members) {
    if (total_shards !== total)
      add("mixed_total", `${shard_id} is of a group of ${total_shards ?? 0}, ${first.shard_id} of one of ${total}`);
  }
  for (const { shard_id, model_ref } of members) {
    if ((model_ref ?? null) !== (first.model_ref ?? null)) {
      add("mixed_model_ref", `${shard_id} and ${first.shard_id} are parts of different models`);
    }
  }
  const byIndex = new Map<number, GroupMember>();
  const ids = new Set<string>();
  for (const member of members) {
    if (ids.has(member.shard_id)) add("duplicate_shard", `${member.shard_id} is listed twice`);
    ids.add(member.shard_id);
    if (member.shard_index === null) continue;
    const other = byIndex.get(member.shard_index);
    if (other !== undefined)
      add("duplicate_index", `${other.shard_id} and ${member.shard_id} are both member ${member.shard_index}`);
    else byIndex.set(member.shard_index, member);
  }
  for (let index = 0; index < Math.min(total, MAX_TOTAL_SHARDS); index++) {
    if (!byIndex.has(index)) add("missing_member", `member ${index} of ${total} is missing`);
  }
  if (problems.length > 0) return { status: "failed", problems };
  const ordered = Array.from({ length: total }, (_, index) => byIndex.get(index)?.digest ?? "");
  return { status: "complete", total_shards: total, group_digest: groupDigest(ordered) };
}
