import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BatchTargets, batchTarget, batchTargetsText, readBatchTargets, searchBatch } from "../src/index.js";

const facts = {
  ant_tier: "small",
  colony: "od1_real",
  expert_heads: 1,
  precision: "fp16",
  amp: 1,
  ratio_key: "vram_ratio_reserved",
} as const;

async function targetsOf(ratioOf: (batch: number) => number | null): Promise<BatchTargets> {
  const search = await searchBatch((batch) => {
    const ratio = ratioOf(batch);
    return Promise.resolve({
      status: ratio === null ? ("oom" as const) : ("passed" as const),
      ratio,
      run_dir: `/x/B${batch}`,
    });
  });
  return {
    schema_version: "ant_ratio_batch_targets_v0",
    generated_utc: "2026-01-01T00:00:00Z",
    out_root: "batches",
    rows: [batchTarget(facts, search, "/x")],
  };
}

describe("a file of batch targets", () => {
  it("is read back as it was written, whatever became of the search", async () => {
    const found = await targetsOf((batch) => 0.1 + 0.03 * batch);
    expect(found.rows[0]).toMatchObject({
      chosen_batch: 25,
      chosen_run_root: "B25",
      unusable: false,
      accept_band: [0.82, 0.88],
      notes: [],
    });
    const none = await targetsOf(() => null);
    expect(none.rows[0]).toMatchObject({
      chosen_batch: null,
      chosen_ratio: null,
      boundary_fail_batch: 1,
      boundary_fail_run_root: "B1",
      unusable: true,
      notes: ["none_passes: a batch of 1 does not pass"],
    });
    for (const targets of [found, none]) {
      expect(readBatchTargets(batchTargetsText(targets))).toEqual({ status: "ok", targets });
    }
  });

  it("of the format's first tool has no ratio_key, and means reserved GPU memory", async () => {
    const { rows, ...rest } = await targetsOf((batch) => 0.1 + 0.03 * batch);
    const { ratio_key, ...row } = rows[0]!;
    expect(ratio_key).toBe("vram_ratio_reserved");
    const text = JSON.stringify({ ...rest, rows: [row] });
    expect(readBatchTargets(text)).toMatchObject({ status: "ok", targets: { rows: [{ ratio_key }] } });
  });

  it("is told all of its problems at once, each with its place", async () => {
    const targets = await targetsOf((batch) => 0.1 + 0.03 * batch);
    const row = { ...targets.rows[0]!, chosen_batch: null, accept_band: [0.9, 0.1], expert_head: 1, amp: true };
    const read = readBatchTargets(JSON.stringify({ ...targets, schema_version: "v1", rows: [row] }));
    const pointers = read.status === "ok" ? [] : read.issues.map(({ pointer }) => pointer);
    expect([...pointers].sort()).toEqual([
      "/rows/0/accept_band",
      "/rows/0/amp",
      "/rows/0/chosen_batch",
      "/rows/0/expert_head",
      "/schema_version",
    ]);
    expect(read.status === "invalid" && read.issues.map(({ message }) => message).join()).toContain(
      "did you mean expert_heads?",
    );
    const torn = readBatchTargets("[1,");
    expect(torn.status === "invalid" && torn.issues[0]?.message).toContain("line 1, column 4");
  });

  it("is read or refused, whatever it holds", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(["ok", "invalid"]).toContain(readBatchTargets(text).status);
      }),
    );
  });
});
