import { describe, expect, it } from "vitest";
import { readGolden } from "../src/golden.js";
import { goldenTexts } from "./goldens.js";

const text = goldenTexts.get("A_f64_tiny.json")!;
type Json = Record<string, unknown>;

/** The recording with one change. */
function changed(change: (golden: Json & { config: Json; params_init: Json; steps: Json[] }) => void): string {
  const golden = JSON.parse(text) as Json & { config: Json; params_init: Json; steps: Json[] };
  change(golden);
  return JSON.stringify(golden);
}

function issuesOf(source: string): readonly string[] {
  const read = readGolden(source);
  return read.status === "ok" ? [] : read.issues.map(({ code, pointer }) => `${code} ${pointer}`);
}

describe("readGolden", () => {
  it("leaves fields alone that it does not know", () => {
    expect(issuesOf(changed((g) => (g["recorded_by"] = { any: ["thing"] })))).toEqual([]);
  });

  it.each<[string, string, readonly string[]]>([
    ["no JSON", "{", ["bad_json "]],
    ["an array", "[]", []],
    ["null", "null", []],
    ["a missing field", changed((g) => delete g["x"]), ["missing /x"]],
    ["a missing size", changed((g) => delete g.config["ring_len"]), ["missing /config/ring_len"]],
    ["a size of zero", changed((g) => (g.config["ring_len"] = 0)), ["out_of_range /config/ring_len"]],
    ["a size no array has", changed((g) => (g.config["ring_len"] = 2e9)), []],
    ["a batch no array has", changed((g) => (g.config["batch"] = 2e9)), []],
    ["a billion heads", changed((g) => (g.config["expert_heads"] = 1e9)), ["missing /params_init"]],
    ["a fractional size", changed((g) => (g.config["slot_dim"] = 12.5)), ["wrong_type /config/slot_dim"]],
    ["an unknown format", changed((g) => (g.config["ptr_dtype"] = "float16")), ["wrong_type /config/ptr_dtype"]],
    ["a label that is no class", changed((g) => (g["y"] = [0, 1, 8])), ["out_of_range /y/2"]],
    [
      "a null among numbers",
      changed((g) => (g.params_init["jump_score.bias"] = [null])),
      ["wrong_type /params_init/jump_score.bias"],
    ],
    ["an unknown parameter", changed((g) => (g.params_init["spare"] = [1])), ["unknown_parameter /params_init/spare"]],
    [
      "an inherited name",
      changed((g) => Object.assign(g.params_init, { toString: [1] })),
      ["unknown_parameter /params_init/toString"],
    ],
    [
      "a missing parameter",
      changed((g) => delete g.params_init["context_logit"]),
      ["missing /params_init/context_logit"],
    ],
    ["no steps", changed((g) => (g.steps = [])), ["missing /steps", "wrong_length /ptr_init_unit"]],
    ["a step without logits", changed((g) => delete g.steps[1]!["logits"]), ["missing /steps/1/logits"]],
    ["a short trace", changed((g) => (g.steps[0]!["trace"] = [])), ["wrong_length /steps/0/trace"]],
    [
      "a draw outside of [0, 1]",
      changed(
        (g) =>
          (g["ptr_init_unit"] = [
            [0, 2, 0],
            [0, 0, 0],
            [0, 0, 0],
          ]),
      ),
      ["out_of_range /ptr_init_unit/0"],
    ],
  ])("reports %s", (_, source, expected) => {
    const read = readGolden(source);
    expect(read.status).toBe("invalid");
    if (expected.length > 0) expect(issuesOf(source)).toEqual(expected);
  });

  it("says what was expected and what was found", () => {
    const read = readGolden(changed((g) => (g["x"] = [1, 2])));
    expect(read).toMatchObject({
      status: "invalid",
      issues: [{ message: "/x: expected 18 numbers, found 2", expected: "18 numbers", found: "2" }],
    });
  });

  it("survives every truncation", () => {
    for (let end = 0; end < text.length; end += 4099) expect(readGolden(text.slice(0, end)).status).toBe("invalid");
  });

  it("finds the state loop's projection under its possible names, either way round", () => {
    const D = 12;
    const nested = Array.from({ length: D }, (_, d) => [d, d + 0.5]);
    const transposed = [0, 1].map((s) => nested.map((pair) => pair[s]!));
    const projectionOf = (change: (golden: Json & { config: Json; params_init: Json; steps: Json[] }) => void) => {
      const read = readGolden(changed(change));
      if (read.status === "invalid") throw new Error(read.issues[0]?.message);
      expect(read.golden.config.state_loop_dim).toBe(2);
      return [...read.golden.state_loop_projection!];
    };
    expect(projectionOf((g) => (g["state_loop_proj"] = nested))).toEqual(nested.flat());
    expect(projectionOf((g) => (g["state_loop"] = { projection: nested.flat() }))).toEqual(nested.flat());
    expect(projectionOf((g) => (g.config["state_loop_proj"] = transposed))).toEqual(nested.flat());
    expect(projectionOf((g) => (g.steps[0]!["state_loop"] = { proj: nested }))).toEqual(nested.flat());
  });
});
