import { createHash, randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import {
  type GroupStatement,
  type SealEnvelope,
  SealedShard,
  type SealedShardFields,
  groupDigest,
  sealMessageV2,
  verifyGroupSeals,
} from "../src/verify/index.js";
import { hmacSha256 } from "../src/verify/bytes.js";

const key = randomBytes(32);
const keys = (key_id: string) => (key_id === "k" ? key : null);
const digestOf = (text: string) => createHash("sha256").update(text).digest("hex");

/** A member's seal, signed. `change` is of its descriptor, `named` of its model. */
function member(
  shard_index: number,
  change: Partial<SealedShardFields> = {},
  named: string | null = "m",
): SealEnvelope {
  const shard = new SealedShard({
    shard_id: `shard-${shard_index}`,
    gpu_device: shard_index,
    vram_bytes: 10,
    digest: digestOf(String(shard_index)),
    sealed_at: null,
    shard_index,
    total_shards: 3,
    ...change,
  });
  const context = {
    model_ref: named,
    gpu_uuid: `GPU-${shard_index}`,
    boot_nonce: digestOf("boot"),
    tree_digest: digestOf("tree"),
  };
  const mac = Buffer.from(hmacSha256(key, sealMessageV2(shard, context))).toString("hex");
  return { schema: "vrx_seal_v2", shard, context, key_id: "k", mac };
}

const three = [member(0), member(1), member(2)];
const statement = {
  group_digest: groupDigest(["0", "1", "2"].map(digestOf)),
  total_shards: 3,
  model_ref: "m",
} satisfies GroupStatement;

it("is complete with every member there once, whatever their order", () => {
  const complete = { status: "complete", ...statement, gpu_uuids: ["GPU-0", "GPU-1", "GPU-2"] };
  expect(verifyGroupSeals([...three].reverse(), statement, keys)).toEqual(complete);
  expect(verifyGroupSeals(three, null, keys)).toEqual(complete);
  expect(verifyGroupSeals(three, { group_digest: statement.group_digest }, keys)).toEqual(complete);
});

const [first, second] = [member(0), member(1)];
it.each<[string, readonly SealEnvelope[], GroupStatement]>([
  ["not_sealed", [first, second, member(2, { digest: "" })], statement],
  ["missing_signature", [first, second, { ...member(2), mac: null }], statement],
  ["bad_signature_length", [first, second, { ...member(2), mac: "ab" }], statement],
  ["unknown_key", [first, second, { ...member(2), key_id: "other" }], statement],
  ["signature_mismatch", [first, second, { ...member(2), mac: "0".repeat(64) }], statement],
  ["empty_group", [], statement],
  ["not_in_a_group", [first, second, member(2, { shard_index: null, total_shards: null })], statement],
  ["mixed_total", [first, second, member(2, { total_shards: 4 })], statement],
  ["mixed_model_ref", [first, second, member(2, {}, "other")], statement],
  ["duplicate_index", [...three, member(2, { shard_id: "again" })], statement],
  ["duplicate_shard", [...three, member(2)], statement],
  ["missing_member", [first, second], statement],
  ["wrong_total", three, { ...statement, total_shards: 4 }],
  ["wrong_model_ref", three, { ...statement, model_ref: null }],
  ["wrong_group_digest", three, { ...statement, group_digest: digestOf("other") }],
])("%s refuses it", (problem, envelopes, stated) => {
  const verdict = verifyGroupSeals(envelopes, stated, keys);
  expect(verdict.status === "failed" && verdict.problems.map((one) => one.problem)).toContain(problem);
});

it("refuses members whose places were swapped after they were sealed: the tags cover them", () => {
  const swap = (envelope: SealEnvelope, shard_index: number) => ({
    ...envelope,
    shard: new SealedShard({ ...envelope.shard.toJSON(), shard_index }),
  });
  expect(verifyGroupSeals([swap(first, 1), swap(second, 0), member(2)], null, keys)).toMatchObject({
    status: "failed",
    problems: [{ problem: "signature_mismatch" }, { problem: "signature_mismatch" }],
  });
});
