import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AntRatioPacket } from "../../src/packet.js";
import { publishSite } from "../../src/report/publish-site.js";
import { samplePacket, twoSeeds } from "./sample-packets.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "vrx-site-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(join(dir, name), "utf8");
const rows = (): { run_tag: string; packet: AntRatioPacket }[] =>
  read("packets.jsonl")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { run_tag: string; packet: AntRatioPacket });
const everything = (): Map<string, string> =>
  new Map(
    (readdirSync(dir, { recursive: true }) as string[])
      .filter((name) => statSync(join(dir, name)).isFile())
      .sort()
      .map((name) => [name, readFileSync(join(dir, name), "base64")]),
  );

describe("a published site", () => {
  it("has a first page, a report of each sweep and of all, pictures and the data, and lists them", async () => {
    const site = await publishSite(
      [
        { tag: "A", packets: twoSeeds() },
        { tag: "b/c", packets: twoSeeds() },
      ],
      dir,
    );
    expect([...everything().keys()]).toEqual([...site.files].sort());
    expect(site.files.filter((name) => !name.startsWith("sweeps/"))).toEqual([
      "all.html",
      "frontier.png",
      "frontier.svg",
      "index.html",
      "packets.jsonl",
      "points.csv",
      "site.json",
      "speed.png",
      "speed.svg",
    ]);
    expect(site.files.filter((name) => name.startsWith("sweeps/"))).toHaveLength(2);
    expect(site).toMatchObject({ sweeps: 2, packets: 4, no_pictures: null });
  });

  it("does not change a byte when the same sweeps are published again, in any order", async () => {
    const a = { tag: "a", packets: [...twoSeeds({ expert_heads: 16 }), ...twoSeeds({ expert_heads: 2 })] };
    const b = { tag: "b", packets: twoSeeds() };
    await publishSite([a, b], dir);
    const before = everything();
    const again = await publishSite([b, { ...a, packets: a.packets.toReversed() }], dir);
    expect(again.written).toEqual([]);
    expect(everything()).toEqual(before);
  });

  it("says nothing of paths, hosts and errors, unless asked to", async () => {
    const secret = samplePacket(
      {
        fail_reasons: ["vram_guard", "could not open /home/someone/x"],
        stability_pass: false,
        ant_tier: "/etc/passwd",
      },
      { host: "rack7.internal" },
    );
    await publishSite([{ tag: "s", packets: [secret] }], dir, { pictures: false });
    for (const [name, content] of everything()) {
      const text = Buffer.from(content, "base64").toString();
      for (const word of ["someone", "rack7", "could not open", "passwd"]) {
        expect({ name, word, there: text.includes(word) }).toEqual({ name, word, there: false });
      }
    }
    expect(rows()[0]?.packet).toMatchObject({ fail_reasons: ["vram_guard", "other"], probe_run_root: null });
    await publishSite([{ tag: "s", packets: [secret] }], dir, { pictures: false, as_is: true });
    expect(rows()[0]?.packet).toEqual(secret);
  });

  it("keeps two hosts apart without naming them", async () => {
    const packets = [samplePacket({}, { host: "x" }), samplePacket({}, { host: "y" })];
    await publishSite([{ tag: "s", packets }], dir, { pictures: false });
    expect(rows().map(({ packet }) => packet.vrx?.host)).toEqual(["host 1", "host 2"]);
  });

  it("keeps what nobody measured null and empty, never 0", async () => {
    const packet = samplePacket({ throughput_tokens_per_s: null, throughput_samples_per_s: null });
    await publishSite([{ tag: "s", packets: [packet] }], dir, { pictures: false });
    expect(rows()[0]?.packet.throughput_tokens_per_s).toBeNull();
    const [header = "", row = ""] = read("points.csv").split("\n");
    expect(row.split(/,(?! )/)[header.split(",").indexOf("throughput_tokens_per_s")]).toBe("");
  });

  it("keeps rows apart that differ in anything that was run", async () => {
    const packets = [
      samplePacket(),
      samplePacket({ batch_size: 32 }),
      samplePacket({ seq_len: 16 }),
      samplePacket({ precision: "fp64" }),
      samplePacket({}, { assoc_seed: 2 }),
      samplePacket({}, { threads: 2 }),
      samplePacket({}, { memory_budget_bytes: 1 }),
    ];
    const site = await publishSite([{ tag: "s", packets }], dir, { pictures: false });
    expect(site.packets).toBe(packets.length);
  });

  it("keeps the newer of two measurements of one thing", async () => {
    const older = samplePacket({ generated_utc: "2026-01-01T00:00:00Z", throughput_tokens_per_s: 1 });
    const newer = samplePacket({ generated_utc: "2026-02-01T00:00:00Z", throughput_tokens_per_s: 2 });
    await publishSite([{ tag: "s", packets: [newer, older] }], dir, { pictures: false });
    expect(rows().map(({ packet }) => packet.throughput_tokens_per_s)).toEqual([2]);
  });

  it("replaces a sweep of the same name, keeps others, and takes away what nobody needs any more", async () => {
    await publishSite(
      [
        { tag: "a", packets: twoSeeds() },
        { tag: "b", packets: twoSeeds() },
      ],
      dir,
    );
    writeFileSync(join(dir, "mine.txt"), "kept");
    const site = await publishSite([{ tag: "a", packets: [] }], dir, { pictures: false });
    expect(rows().map(({ run_tag }) => run_tag)).toEqual(["b", "b"]);
    expect([...everything().keys()].filter((name) => name !== "mine.txt")).toEqual([...site.files].sort());
    expect(read("mine.txt")).toBe("kept");
  });

  it("refuses two sweeps of one name and a folder whose data are something else", async () => {
    const twice = [
      { tag: "a", packets: [] },
      { tag: "a", packets: [] },
    ];
    await expect(publishSite(twice, dir)).rejects.toMatchObject({ code: "invalid_argument" });
    writeFileSync(join(dir, "packets.jsonl"), '{"run_tag":"a"}\n');
    await expect(publishSite([], dir)).rejects.toThrow(/packets\.jsonl:1: expected a published packet/);
    expect(readdirSync(dir)).toEqual(["packets.jsonl"]);
  });
});
