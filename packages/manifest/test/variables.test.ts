import { describe, expect, test } from "vitest";
import { checkManifest } from "../src/index.js";
import { good, issuesOf, manifestText, told } from "./support/manifests.js";

/** What `notes` becomes with these variables. */
function filled(vars: unknown, notes: unknown): unknown {
  const manifest = {
    version: 2,
    vars,
    notes,
    defaults: {},
    targets: [{ type: "process", name: "p", team: { w: "w" }, process: { type: "paper_write", writer: "w" } }],
  };
  const read = checkManifest(manifest);
  return read.status === "ok" ? read.manifest.notes : read.issues.map(({ message }) => message).join("\n");
}

describe("variables", () => {
  test("put their text into texts", () => {
    expect(filled({ name: "model", version: "v1" }, "${name}_${version}.pt")).toBe("model_v1.pt");
    expect(filled({ a: true, b: null, c: 0.0001, d: [1, { x: 2 }] }, "${a} ${b} ${c} ${d}")).toBe(
      'true null 0.0001 [1,{"x":2}]',
    );
  });

  test("keep their type where they are the whole value, through other variables too", () => {
    const text = manifestText({
      top: "vars: { base: 4, doubled: '${base}', width: 8, layer: { type: LinearLayer, d_in: '${width}', d_out: 8 }, on: true }",
      layers: "- ${layer}\n- { type: LinearLayer, d_in: '${width}', d_out: 8, bias: '${on}' }",
      train: "warmup_steps: ${doubled}",
    });
    const [target] = good(text).targets;
    expect(target).toMatchObject({
      runs: [{ train: { warmup_steps: 4 } }],
      system: {
        config: {
          model: {
            topology: {
              layers: [
                { d_in: 8, bias: true },
                { d_in: 8, bias: true },
              ],
            },
          },
        },
      },
    });
  });

  test("that are unknown, or contain themselves, are errors where they are used; unused ones are none", () => {
    expect(filled({ a: "${b}", b: "${a}" }, "${a}")).toContain("Cycle detected in manifest vars: a");
    expect(filled({ size: 1 }, "${sizee}")).toContain("Unknown manifest variable: sizee; did you mean size?");
    expect(filled({ a: "${nowhere}", b: "${b}" }, "fine")).toBe("fine");
    expect(filled(undefined, "${x}")).toContain("Unknown manifest variable: x");
    expect(filled({ x: 1 }, "${x-y} ${x.y} $x {x}")).toBe("${x-y} ${x.y} $x {x}");
  });

  test("are replaced by --set, in the type that the text has in YAML", () => {
    const text = manifestText({
      top: "vars: { width: 9 }",
      layers: "- { type: LinearLayer, d_in: 8, d_out: '${width}' }",
    });
    expect(JSON.stringify(good(text, { width: "8" }))).toContain('"d_out":8');
    expect(issuesOf(text, { widht: "8" })[0]).toMatchObject({ code: "unknown_variable", suggestion: "width" });
    expect(issuesOf(text, { width: "wide" })[0]!.message).toContain("(from ${width}, given by --set)");
  });

  test("say where a wrong value is written and where it is used", () => {
    const text = manifestText({
      top: "vars:\n  width: eight",
      layers: "- { type: LinearLayer, d_in: 8, d_out: '${width}' }",
    });
    const [issue] = issuesOf(text);
    expect(text.split("\n")[issue!.line! - 1]).toContain("'${width}'");
    expect(text.slice(issue!.offset)).toMatch(/^'\$\{width\}'/);
    expect(issue!.variable).toMatchObject({ name: "width", line: 5, column: 10 });
  });
});

describe("anchors and merge keys", () => {
  test("are copied, and their mistakes are told once, where they are written", () => {
    const text = manifestText({
      layers: "- &one { type: LinearLayer, d_in: 8, d_out: 8, bais: true }\n- *one\n- { <<: *one, d_out: 8 }",
    });
    expect(told(text)).toEqual(["unknown_key at bais"]);
    const fine = text.replace(", bais: true", "");
    const [target] = good(fine).targets;
    expect(JSON.stringify(target).match(/"LinearLayer"/g)).toHaveLength(3);
  });

  test("that contain themselves are refused", () => {
    expect(issuesOf("version: 2\nnotes: &a [*a]\n")[0]).toMatchObject({ code: "recursive_alias", line: 2 });
  });
});
