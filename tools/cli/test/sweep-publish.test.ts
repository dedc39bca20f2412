import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { vrx } from "./helpers/vrx.js";

const folder = testFolder();
const publish = (...words: string[]): ReturnType<typeof vrx> => vrx(["sweep", "publish", ...words], { cwd: folder });

const packet = {
  schema_version: "ant_ratio_packet_v0",
  generated_utc: "2026-01-01T12:00:00Z",
  git_commit: null,
  probe_run_root: "/home/someone/run",
  assoc_run_root: null,
  ant_tier: "small",
  ant_ring_len: 2048,
  ant_slot_dim: 256,
  expert_heads: 1,
  batch_size: 4,
  precision: "fp32",
  amp: 0,
  seq_len: 8,
  vram_ratio_reserved: null,
  throughput_tokens_per_s: null,
  assoc_byte_disjoint_accuracy: null,
  assoc_eval_disjoint: null,
  stability_pass: false,
  fail_reasons: ["vram_guard"],
  had_oom: false,
  had_nan: false,
  had_inf: false,
};

beforeAll(() => {
  for (const [name, sweep] of [
    ["one", { name: "the first" }],
    ["two", null],
    ["again", { name: "the first" }],
  ] as const) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "packets.jsonl"), `${JSON.stringify(packet)}\n`);
    if (sweep !== null) writeFileSync(join(folder, name, "sweep.json"), JSON.stringify(sweep));
  }
  mkdirSync(join(folder, "empty"));
});

describe("vrx sweep publish", () => {
  it("puts sweeps into one site under their names, and changes nothing the second time", () => {
    const first = publish("one", "two", "--out", "site", "--without-pictures", "--json");
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: "" });
    const site = JSON.parse(first.stdout) as { sweeps: number; packets: number; files: string[]; written: string[] };
    expect(site).toMatchObject({ sweeps: 2, packets: 2 });
    expect(site.written).toHaveLength(site.files.length);
    const rows = readFileSync(join(folder, "site/packets.jsonl"), "utf8");
    expect(rows.match(/"run_tag":"[^"]+"/g)).toEqual(['"run_tag":"the first"', '"run_tag":"two"']);
    expect(rows).not.toContain("someone");
    const second = publish("two", "one", "--out", "site", "--without-pictures");
    expect(second).toMatchObject({ code: 0, stdout: "site/index.html\n" });
    expect(second.stderr).toMatch(/0 of \d+ files changed/);
  });

  it("refuses two sweeps of one name and a folder without packets, and writes nothing", () => {
    expect(publish("one", "again", "--out", "twice")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('two sweeps are called "the first"') as string,
    });
    expect(publish("empty", "--out", "twice").code).toBe(2);
    expect(existsSync(join(folder, "twice"))).toBe(false);
  });
});
