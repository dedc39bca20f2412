import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  canonicalWorkloadJson,
  computeWorkloadDigest,
  computeWorkloadId,
  formatIssues,
  readWorkloadSpec,
} from "../src/index.js";

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
      } else {
        if (read.status !== "ok") throw new Error(formatIssues(read.issues));
        expect(canonicalWorkloadJson(read.spec)).toBe(vector.canonical_json);
        expect(computeWorkloadId(read.spec)).toBe(vector.workload_id);
        expect(computeWorkloadDigest(read.spec).slice(0, 12)).toBe(vector.workload_id.slice(-12));
      }
    }
  });

  test.each(vectors.invalid.map((vector, index) => ({ ...vector, index })))("invalid $index: $tag", ({ spec_text }) => {
    for (const source of [spec_text, new TextEncoder().encode(spec_text)])
      expect(readWorkloadSpec(source, { dialect }).status).toBe("invalid");
  });
});
