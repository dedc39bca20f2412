import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type GroupMember, groupDigest, verifyGroup } from "../src/verify/index.js";

const member = (shard_index: number, total_shards: number, change: Partial<GroupMember> = {}): GroupMember => ({
  shard_id: `shard-${shard_index}`,
  gpu_device: shard_index,
  vram_bytes: 1,
  digest: createHash("sha256").update(String(shard_index)).digest("hex"),
  sealed_at: null,
  shard_index,
  total_shards,
  model_ref: "m",
  ...change,
});
const problems = (members: GroupMember[]) => {
  const verdict = verifyGroup(members);
  return verdict.status === "failed" ? verdict.problems.map(({ problem }) => problem) : [];
};
const four = [0, 1, 2, 3].map((index) => member(index, 4));

it("has one digest whatever the order of its members", () => {
  const digest = groupDigest(four.map((one) => one.digest));
  fc.assert(
    fc.property(fc.shuffledSubarray(four, { minLength: 4 }), (members) => {
      expect(verifyGroup(members)).toEqual({ status: "complete", total_shards: 4, group_digest: digest });
    }),
  );
  expect(groupDigest([four[1]!.digest, four[0]!.digest])).not.toBe(groupDigest([four[0]!.digest, four[1]!.digest]));
  expect(verifyGroup([member(0, 1)])).toMatchObject({ status: "complete", total_shards: 1 });
});

it("refuses missing, duplicate and mixed members, and says which", () => {
  expect(problems([])).toEqual(["empty_group"]);
  expect(problems(four.slice(1))).toEqual(["missing_member"]);
  expect(problems([...four, member(2, 4, { shard_id: "other" })])).toEqual(["duplicate_index"]);
  expect(problems([...four, four[0]!])).toContain("duplicate_shard");
  expect(problems([...four.slice(0, 3), member(3, 5)])).toContain("mixed_total");
  expect(problems([...four.slice(0, 3), member(3, 4, { model_ref: "n" })])).toEqual(["mixed_model_ref"]);
  expect(problems([member(0, 4, { shard_index: null, total_shards: null })])).toContain("not_in_a_group");
  expect(problems([member(0, 1, { digest: "" })])).toContain("not_sealed");
  expect(problems([member(7, 4)])).toContain("not_in_a_group");
});
