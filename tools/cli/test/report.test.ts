import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { writeRun } from "./helpers/run-directory.js";
import { vrx } from "./helpers/vrx.js";

const folder = testFolder();
const report = (...words: string[]): ReturnType<typeof vrx> => vrx(["report", ...words], { cwd: folder });
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

const packet = {
  schema_version: "ant_ratio_packet_v0",
  generated_utc: "2026-01-01T12:00:00Z",
  git_commit: null,
  probe_run_root: "run",
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
  throughput_tokens_per_s: 1000,
  assoc_byte_disjoint_accuracy: 0.5,
  assoc_eval_disjoint: true,
  assoc_eval_n: 100,
  stability_pass: true,
  fail_reasons: [],
  had_oom: false,
  had_nan: false,
  had_inf: false,
  vrx: { device_kind: "cpu" },
};

beforeAll(async () => {
  mkdirSync(join(folder, "sweep"));
  await writeRun(join(folder, "sweep", "run"), { times_s: Array.from({ length: 20 }, () => 0.01) });
  writeFileSync(join(folder, "sweep", "packets.jsonl"), `${JSON.stringify(packet)}\n`);
  writeFileSync(join(folder, "none.jsonl"), "");
  const lacking = JSON.stringify({ ...packet, ant_tier: undefined });
  writeFileSync(join(folder, "bad.jsonl"), `${JSON.stringify(packet)}\n{"a":\n${lacking}\n`);
  const price = { device: "cpu", currency: "EUR", per_hour: 1, source: "a contract", date: "2026-01-01" };
  writeFileSync(join(folder, "prices.json"), JSON.stringify({ schema_version: "vrx_prices_v1", prices: [price] }));
  writeFileSync(join(folder, "bad-prices.json"), JSON.stringify({ schema_version: "vrx_prices_v1", prices: [{}] }));
});

describe("vrx report", () => {
  it("writes the page with the steps and gates of the runs it finds, and prints where", () => {
    const { code, stdout, stderr } = report("sweep/packets.jsonl", "-o", "out/report.html", "--title", "A <b> title");
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: "out/report.html\n",
      stderr: "vrx: 1 packets, 1 of them with their steps and gates\n",
    });
    expect(read("out/report.html").includes("<title>A &lt;b&gt; title</title>")).toBe(true);
    expect(read("out/report.html").includes('"gate":"heartbeat_stall"')).toBe(true);
  });

  it("writes pictures, CSV and LaTeX beside it", () => {
    const extras = ["--svg", "f.svg", "--png", "f.png", "--csv", "p.csv", "--latex", "p.tex"];
    const { code, stdout } = report("sweep/packets.jsonl", "-o", "r.html", ...extras, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      packets: 1,
      with_details: 1,
      files: ["r.html", "f.svg", "f.png", "p.csv", "p.tex"],
    });
    expect(read("f.svg")).toMatch(/^<svg/);
    expect(read("p.csv")).toMatch(/^point,verdict,rankable,/);
    expect(read("p.tex")).toContain("\\begin{tabular}");
    expect(readFileSync(join(folder, "f.png")).subarray(1, 4).toString()).toBe("PNG");
  });

  it("takes prices, and an axis of cost from them", () => {
    const words = ["sweep/packets.jsonl", "-o", "c.html", "--prices", "prices.json"];
    expect(report(...words, "--x", "cost_eur_per_1m_ring_tokens").code).toBe(0);
    const { code, stderr } = report(...words, "--x", "cost_usd_per_1m_ring_tokens");
    expect(code).toBe(2);
    expect(stderr).toMatch(/expected an axis of .*cost_eur_per_1m_ring_tokens.*found "cost_usd/);
  });

  it("makes a report of nothing, which says so", () => {
    expect(report("none.jsonl", "-o", "none.html").code).toBe(0);
    expect(read("none.html").includes('"points":[]')).toBe(true);
  });

  it("writes nothing where a line holds no packet, and says which and why", () => {
    const { code, stdout, stderr } = report("sweep/packets.jsonl", "bad.jsonl", "-o", "bad.html");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^bad\.jsonl:2:\d+: /m);
    expect(stderr).toMatch(/^bad\.jsonl:3: .*ant_tier/m);
    expect(existsSync(join(folder, "bad.html"))).toBe(false);
  });

  it("says what is wrong with a price table, and with files that are not there", () => {
    const prices = report("sweep/packets.jsonl", "--prices", "bad-prices.json");
    expect(prices.code).toBe(2);
    for (const key of ["device", "currency", "per_hour", "source", "date"]) {
      expect(prices.stderr).toContain(`bad-prices.json: /prices/0/${key}: expected`);
    }
    expect(report("nothing.jsonl")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("nothing.jsonl") as string,
    });
  });
});
