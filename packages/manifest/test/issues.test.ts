import { describe, expect, test } from "vitest";
import { defineManifest, isManifestError, readManifest } from "../src/index.js";
import { good, issuesOf, manifestText, told } from "./support/manifests.js";

describe("a manifest is read strictly", () => {
  test("every problem in one pass, in the order of the text", () => {
    const text = manifestText({ train: "devise: cpu\ndtype: fp32\noptimizer: 3", top: "nmae: x" })
      .replace("version: 2", "version: 1")
      .replace("backend: torch", "backend: tensorflow");
    expect(told(text)).toEqual([
      "wrong_type at 1",
      "unknown_key at nmae",
      "not_in_enum at tensorflow",
      "unknown_key at devise",
      "not_in_enum at fp32",
      "wrong_type at 3",
    ]);
  });

  test("unknown keys and words come with what was probably meant", () => {
    const suggestions = (text: string) => issuesOf(text).map(({ suggestion }) => suggestion);
    expect(suggestions(manifestText({ train: "wieght_decay: 0.1" }))).toEqual(["weight_decay"]);
    expect(suggestions(manifestText({ layers: "- { type: LineerLayer, d_in: 8, d_out: 8 }" }))).toEqual([
      "LinearLayer",
    ]);
    expect(suggestions(manifestText().replace("trainer.standard", "trainer.standart"))).toEqual(["trainer.standard"]);
    expect(suggestions(manifestText({ train: "optimizer: adamW" }))).toEqual(["adamw"]);
  });

  test("numbers may be texts, as YAML 1.1 reads 1e-5; other texts may not", () => {
    const [target] = good(manifestText({ train: 'weight_decay: "1e-5"\nwarmup_steps: "1_0"' })).targets;
    expect(target).toMatchObject({ runs: [{ train: { weight_decay: 1e-5, warmup_steps: 10 } }] });
    for (const value of ['"ten"', '""', "1.5", "-1", "true", ".nan", "99999999999999999999", "[1]"])
      expect(issuesOf(manifestText({ train: `warmup_steps: ${value}` })), value).toHaveLength(1);
  });

  test("duplicate keys are errors at the second one", () => {
    const text = manifestText({ train: "device: cpu\ndevice: cuda" });
    expect(told(text)).toEqual(["duplicate_key at device"]);
    expect(issuesOf(text)[0]!.offset).toBe(text.lastIndexOf("device"));
    expect(told(manifestText({ layers: "- { type: LoRALinearLayer, d_in: 8, d_out: 8, r: 2, rank: 3 }" }))).toEqual([
      "duplicate_key at rank",
    ]);
  });

  test("what is missing is told at the mapping that lacks it", () => {
    const text = manifestText().replace("          lr: 1e-3\n", "").replace("    backend: torch\n", "");
    expect(issuesOf(text).map(({ code, pointer }) => [code, pointer])).toEqual([
      ["missing_key", "/targets/0/backend"],
      ["missing_key", "/targets/0/runs/0/train/lr"],
    ]);
    expect(issuesOf("version: 2\ndefaults: {}\ntargets: []\n")[0]).toMatchObject({
      code: "wrong_type",
      pointer: "/targets",
    });
  });

  test("names are unique, entrypoints and roles lead somewhere, and what is combined fits", () => {
    const text = manifestText({ top: "entrypoints: { quick: exq }" }).replace(
      "objective.next_token_ce",
      "objective.mse",
    );
    expect(issuesOf(text).map(({ code, suggestion }) => [code, suggestion])).toEqual([["does_not_fit", undefined]]);
    expect(issuesOf(manifestText({ top: "entrypoints: { quick: exq }" }))[0]).toMatchObject({
      code: "unknown_target",
      suggestion: "exp",
    });
    const process =
      "\n  - { type: process, name: exp, team: { writer: w }, process: { type: paper_write, writer: writr } }\n";
    expect(issuesOf(manifestText() + process)[0]).toMatchObject({ code: "unknown_role", suggestion: "writer" });
    expect(issuesOf(manifestText() + process.replace("writr", "writer"))[0]).toMatchObject({ code: "duplicate_name" });
  });

  test("generated data has to fit the system", () => {
    const text = manifestText({ model: "embedder: { type: token, vocab_size: 8, d_model: 8 }" });
    const generated = text.replace("block_size: 4 }", "block_size: 4, prepare: { type: generate, vocab_size: 9 } }");
    expect(issuesOf(generated)[0]).toMatchObject({
      code: "does_not_fit",
      pointer: "/targets/0/data/config/prepare/vocab_size",
      expected: "at most 8, the vocab_size of the embedder",
    });
  });

  test.each([
    ["a list", "[]", "wrong_type"],
    ["nothing", "", "empty"],
    ["null", "null", "empty"],
    ["two documents", "a: 1\n---\nb: 2", "syntax_error"],
    ["no YAML", "a: [1", "syntax_error"],
    ["a tab", "a:\n\tb: 1", "syntax_error"],
  ])("%s is no manifest", (_, text, code) => {
    const [issue] = issuesOf(text);
    expect(issue).toMatchObject({ code, line: expect.any(Number) as number });
  });

  test("files of another kind are refused by their name", () => {
    expect(readManifest("a: 1", { filename: "x.toml" })).toMatchObject({ issues: [{ code: "unsupported_format" }] });
    expect(readManifest(JSON.stringify({}), { filename: "x.json" })).toMatchObject({ status: "invalid" });
  });
});

describe("what no machine could hold is refused quickly", () => {
  const lines = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i)).join("\n");
  test.each([
    [
      "aliases of aliases",
      `version: 2\nvars:\n  a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n${lines(12, (i) => `  a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]`)}`,
      "too_many_values",
    ],
    [
      "variables of variables",
      `version: 2\nnotes: \${v40}\nvars:\n  v0: x\n${lines(40, (i) => `  v${i + 1}: "\${v${i}}\${v${i}}"`)}`,
      "text_too_long",
    ],
    ["uses of one anchor", `a: &a x\n${lines(50_000, (i) => `k${i}: *a`)}`, "unknown_key"],
    [
      "unknown variables",
      `version: 2\nvars: { v: 1 }\nnotes:\n${lines(50_000, (i) => `- \${w${i}}`)}`,
      "unknown_variable",
    ],
    ["brackets", "[".repeat(100_000), "nesting_too_deep"],
    ["dashes", "- ".repeat(5_000), "nesting_too_deep"],
    ["indentation", lines(2_000, (i) => `${" ".repeat(i)}a:`).slice(0, 900_000), "nesting_too_deep"],
    ["text", "a".repeat(1024 * 1024 + 1), "text_too_large"],
    [
      "repeats",
      manifestText({
        layers:
          "- { type: NestedTopology, repeat: 2000000000, layers: [{ type: NestedTopology, repeat: 2000000000, layers: [{ type: LinearLayer, d_in: 8, d_out: 8 }] }] }",
      }),
      "too_many_layers",
    ],
    [
      "models times seeds",
      manifestText({
        layers: "- { type: NestedTopology, repeat: 19000, layers: [{ type: LinearLayer, d_in: 8, d_out: 8 }] }",
      }).replace("mode: train", `mode: train\n        seed: [${Array.from({ length: 200 }, (_, i) => i).join(",")}]`),
      "too_many_layers",
    ],
    ["flaws of the syntax", "- {}\n*a\n".repeat(50_000), "syntax_error"],
    [
      "mappings merged",
      `a: &a {${Array.from({ length: 60_000 }, (_, i) => `k${i}: 1`).join(",")}}\nb: { <<: *a }`,
      "unknown_key",
    ],
    ["unknown keys", `version: 2\n${lines(20_000, (i) => `k${i}: 1`)}`, "unknown_key"],
    ["keys", lines(60_000, (i) => `k${i}: 1`), "unknown_key"],
  ])("%s", (_, text, code) => {
    const issues = issuesOf(text);
    expect(issues.map((issue) => issue.code)).toContain(code);
    expect(issues.length).toBeLessThanOrEqual(501);
  });
});

describe("defineManifest", () => {
  test("takes a program's data as strictly", () => {
    const manifest = defineManifest({
      version: 2,
      vars: { width: 8 },
      defaults: {},
      targets: [
        { type: "process", name: "p", team: { writer: "w" }, process: { type: "paper_write", writer: "writer" } },
      ],
    });
    expect(manifest).toMatchObject({ name: null, targets: [{ process: { output_dir: "paper" } }] });
  });

  test("throws everything that is wrong", () => {
    try {
      defineManifest({ version: 2, defaults: {}, targets: [], nmae: "x" } as never);
      expect.unreachable();
    } catch (error) {
      expect(isManifestError(error) && error.issues.map(({ code }) => code)).toEqual(["unknown_key", "wrong_type"]);
    }
  });
});
