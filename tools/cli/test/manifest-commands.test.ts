import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { vrx } from "./helpers/vrx.js";

const folder = testFolder();
const fixture = (name: string) =>
  fileURLToPath(new URL(`../../../packages/manifest/test/fixtures/${name}`, import.meta.url));
const example = readFileSync(fixture("complete_example.yml"), "utf8");
const manifest = (...words: string[]): ReturnType<typeof vrx> => vrx(["manifest", ...words], { cwd: folder });
writeFileSync(join(folder, "good.yml"), example);
writeFileSync(
  join(folder, "bad.yml"),
  example.replace("d_ff: ${d_ff}", "d_fff: ${d_ff}").replace("lr: 0.0003", "lr: fast"),
);

describe("vrx manifest check", () => {
  it("passes the complete example, and says with which flags it would run here", () => {
    const { code, stdout, stderr } = manifest("check", "good.yml");
    expect(stderr).toBe("");
    expect(stdout).toContain("good.yml: ok, 1 of 1 targets planned");
    expect(stdout).toMatch(/\/targets\/0\/backend: backend_unavailable: .*; --backend jax/);
    expect(stdout).toMatch(/\/targets\/0\/runs\/0\/train\/device: device_unavailable: .*; --device cpu/);
    expect(stdout).toMatch(/\/targets\/0\/data\/config\/path: dataset_missing: /);
    expect(code).toBe(0);
  });

  it("finds nothing that keeps the smoke test of a preset from running on generated data", () => {
    const { code, stdout } = manifest(
      "check",
      "preset:standard_transformer",
      "--target",
      "smoke",
      "--data",
      "generate",
    );
    expect(stdout).toContain("smoke: runs here");
    expect(code).toBe(0);
  });

  it("says every problem at its place", () => {
    const { code, stdout, stderr } = manifest("check", "bad.yml");
    const lines = stderr.trim().split("\n");
    expect(lines.map((line) => /^bad\.yml:\d+:\d+: (\w+):/.exec(line)?.[1])).toEqual([
      "missing_key",
      "unknown_key",
      "wrong_type",
    ]);
    const at = example.slice(0, example.indexOf("d_ff: ${d_ff}")).split("\n");
    expect(lines[1]).toContain(`bad.yml:${at.length}:${at.at(-1)!.length + 1}: unknown_key:`);
    expect(lines[1]).toContain("did you mean d_ff?");
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it("gives programs the issues, or the blockers", () => {
    const bad = manifest("check", "bad.yml", "--json");
    expect(bad.code).toBe(2);
    expect(JSON.parse(bad.stdout)).toMatchObject({ status: "invalid", issues: [{}, { suggestion: "d_ff" }, {}] });
    const good = manifest("check", "good.yml", "--json");
    expect(JSON.parse(good.stdout)).toMatchObject({
      status: "ok",
      targets: ["full_pipeline"],
      blockers: [{ code: "backend_unavailable", fix: "--backend jax" }, {}, {}, {}],
    });
  });
});

describe("vrx manifest plan", () => {
  it("prints the plan of the complete example", () => {
    const { code, stdout } = manifest("plan", "good.yml");
    expect(stdout).toBe(readFileSync(fixture("complete_example.plan.txt"), "utf8"));
    expect(code).toBe(0);
  });

  it("takes other values of variables, another backend and another device", () => {
    const changed = manifest(
      "plan",
      "good.yml",
      "--set",
      "n_layers=1",
      "--set",
      "batch_size=2",
      "--backend",
      "jax",
      "--device",
      "cpu",
    );
    expect(changed.stdout).toContain("backend=jax");
    expect(changed.stdout).toContain("device=cpu dtype=float32 batch_size=2 tokens_per_step=1024");
    expect(changed.stdout.match(/layer=AttentionLayer/g)).toHaveLength(1);
    const unknown = manifest("plan", "good.yml", "--set", "layers=1");
    expect(unknown.stderr).toContain("no such variable; there are d_model, n_heads");
    expect(unknown.code).toBe(2);
    expect(manifest("plan", "good.yml", "--set", "layers").code).toBe(2);
  });

  it("resolves targets and lists them", () => {
    expect(manifest("plan", "good.yml", "--list-targets").stdout).toBe(
      "full_pipeline\texperiment\tTrain, verify, and benchmark\ndefault -> full_pipeline\n",
    );
    const { code, stderr } = manifest("plan", "good.yml", "--target", "full_pipelin");
    expect(stderr).toContain("Target 'full_pipelin' not found in manifest; did you mean full_pipeline?");
    expect(code).toBe(2);
  });
});

describe("vrx manifest presets and schema", () => {
  it("prints what can be copied", () => {
    const names = manifest("presets")
      .stdout.trim()
      .split("\n")
      .map((line) => line.split(" ")[0]);
    expect(names).toHaveLength(9);
    const copy = manifest("presets", "vit");
    writeFileSync(join(folder, "copy.yml"), copy.stdout);
    expect(manifest("check", "copy.yml").code).toBe(0);
    expect(manifest("presets", "vitt").stderr).toContain("did you mean vit?");
  });

  it("prints a JSON Schema", () => {
    expect(JSON.parse(manifest("schema").stdout)).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
    });
  });
});
