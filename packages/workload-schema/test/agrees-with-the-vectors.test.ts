import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { canonicalWorkloadJson, computeWorkloadId, readWorkloadSpec } from "../src/index.js";

interface Vectors {
  readonly valid: readonly {
    readonly tag: string;
    readonly dialect: "strict" | "python";
    readonly spec_text: string;
    readonly workload_id: string;
    readonly canonical_json: string;
  }[];
  readonly invalid: readonly { readonly tag: string; readonly spec_text: string }[];
}

const vectors = JSON.parse(readFileSync(new URL("vectors/workload_ids.json", import.meta.url), "utf8")) as Vectors;

describe.each(["strict", "python"] as const)("in the %s dialect", (dialect) => {
  test.each(vectors.valid.map((vector, index) => ({ ...vector, index })))("valid $index: $tag", (vector) => {
    for (const source of [vector.spec_text, new TextEncoder().encode(vector.spec_text)]) {
      const read = readWorkloadSpec(source, { dialect });
      if (dialect === "strict" && vector.dialect === "python") {
        expect(read.status).toBe("invalid");
        expect(() => computeWorkloadId(source, { dialect })).toThrow();
        continue;
      }
      if (read.status !== "ok") throw new Error(read.issues.map(({ message }) => message).join("\n"));
      expect(canonicalWorkloadJson(read.spec)).toBe(vector.canonical_json);
      expect(computeWorkloadId(read.spec)).toBe(vector.workload_id);
      expect(canonicalWorkloadJson(source, { dialect })).toBe(vector.canonical_json);
      expect(computeWorkloadId(source, { dialect })).toBe(vector.workload_id);
    }
  });

  test.each(vectors.invalid.map((vector, index) => ({ ...vector, index })))("invalid $index: $tag", ({ spec_text }) => {
    const read = readWorkloadSpec(spec_text, { dialect });
    expect(read).toMatchObject({ status: "invalid" });
    expect(() => computeWorkloadId(spec_text, { dialect })).toThrow();
  });
});
