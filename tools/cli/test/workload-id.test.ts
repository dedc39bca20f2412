import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { realId, smallId, specText } from "./helpers/specs.js";
import { bash, vrx } from "./helpers/vrx.js";

const folder = testFolder();
writeFileSync(join(folder, "small.json"), specText());
writeFileSync(join(folder, "bad.json"), specText({ ant: { ring_len: "8192", precison: "fp32" } }));
writeFileSync(join(folder, "od1_real"), specText());
writeFileSync(join(folder, "no-extension"), specText());
writeFileSync(join(folder, "name\twith\ntab"), specText());
writeFileSync(join(folder, "twice.json"), specText().replace('"ring_len"', '"ring_len": 7, "ring_len"'));
mkdirSync(join(folder, "preset:"));

const id = (words: string[], input = ""): ReturnType<typeof vrx> =>
  vrx(["workload", "id", ...words], { cwd: folder, input });

describe("vrx workload id", () => {
  it("prints the id of one spec alone", () => {
    expect(id(["small.json"])).toEqual({ code: 0, stdout: `${smallId}\n`, stderr: "" });
  });

  it("takes a preset with and without its prefix, in its long name and any case", () => {
    for (const name of ["od1_small", "preset:od1_small", "OD1_Canon_Small"])
      expect(id([name]).stdout).toBe(`${smallId}\n`);
  });

  it("lets a file win when the word has a slash or an extension, and a preset otherwise", () => {
    expect(id(["od1_real"]).stdout).toBe(`${realId}\n`);
    expect(id(["./od1_real"]).stdout).toBe(`${smallId}\n`);
    expect(id(["no-extension"]).stdout).toBe(`${smallId}\n`);
  });

  it("reads standard input for -", () => {
    expect(id(["-"], specText())).toEqual({ code: 0, stdout: `${smallId}\n`, stderr: "" });
    expect(id(["-"], "{")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(/^<stdin>:1:2: /) as string,
    });
  });

  it("reads what the shell gives as a file", () => {
    expect(bash(`vrx workload id <(cat small.json)`, { cwd: folder }).stdout).toBe(`${smallId}\n`);
    expect(bash(`vrx workload id <(sleep 0.3; cat small.json)`, { cwd: folder }).stdout).toBe(`${smallId}\n`);
  });

  it("prints several with their names, the good ones even when others are bad", () => {
    const { code, stdout, stderr } = id(["small.json", "bad.json", "od1_real"]);
    expect(stdout).toBe(`${smallId}\tsmall.json\n${realId}\tod1_real\n`);
    expect(stderr.trim().split("\n")).toEqual([
      expect.stringMatching(/^bad\.json:5:17: not_an_integer: .*8192/),
      expect.stringMatching(/^bad\.json:9:5: unknown_key: .*did you mean precision\?/),
    ]);
    expect(code).toBe(2);
  });

  it("prints every digit with --full", () => {
    const { stdout } = id(["small.json", "--full"]);
    const canonical = vrx(["workload", "show", "od1_small", "--canonical"]).stdout;
    expect(stdout).toBe(`${createHash("sha256").update(canonical).digest("hex")}\n`);
  });

  it("keeps a line a line when a name has tabs and line feeds", () => {
    expect(id(["small.json", "name\twith\ntab"]).stdout).toBe(
      `${smallId}\tsmall.json\n${smallId}\t"name\\twith\\ntab"\n`,
    );
  });

  it("is strict unless it is told to read as Python does", () => {
    expect(id(["twice.json"])).toMatchObject({ code: 2, stderr: expect.stringContaining("duplicate_key") as string });
    expect(id(["twice.json", "--dialect", "python"])).toEqual({ code: 0, stdout: `${smallId}\n`, stderr: "" });
  });

  it("prints an object for one spec and an array for several with --json", () => {
    const one = JSON.parse(id(["small.json", "--json"]).stdout) as unknown;
    expect(one).toMatchObject({ name: "small.json", status: "ok", workload_id: smallId, ant_spec: { ring_len: 2048 } });
    const { code, stdout } = id(["small.json", "bad.json", "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject([
      { status: "ok", workload_id: smallId },
      { status: "invalid", name: "bad.json", issues: [{ code: "not_an_integer", line: 5 }, { code: "unknown_key" }] },
    ]);
  });

  it("keeps every digit of a large integer in --json", () => {
    writeFileSync(join(folder, "large.json"), specText().replace("2048", "123456789012345678901234567890"));
    expect(id(["large.json", "--json"]).stdout).toContain('"ring_len": 123456789012345678901234567890,');
  });

  it("names the nearest file or preset when there is none of that name", () => {
    expect(id(["smal.json"]).stderr).toBe("smal.json: no such file; did you mean small.json?\n");
    expect(id([`${folder}/smal.json`]).stderr).toContain(`did you mean ${folder}/small.json?`);
    expect(id(["od1_smal"]).stderr).toBe("od1_smal: no such preset or file; did you mean od1_small?\n");
    expect(id(["elephant"]).stderr).toBe(
      "elephant: no such preset or file; the presets are od1_small, od1_real, od1_stress\n",
    );
    expect(id(["preset:small"]).stderr).toMatch(/^preset:small: no such preset; there are od1_small/);
    expect(id(["nowhere/at/all.json"]).stderr).toBe("nowhere/at/all.json: no such file\n");
  });
});
