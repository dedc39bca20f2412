import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import {
  type AntSpec,
  type ColonySpec,
  type SpecInteger,
  type WorkloadSpec,
  presets,
  readWorkloadSpec,
  toSafeInts,
  workloadSpecSchema,
} from "../src/index.js";
import { antSpecZod, colonySpecZod, workloadSpecJsonSchema, workloadSpecZod } from "../src/zod.js";
import { nearSpecs, specs } from "./support/arbitrary-spec.js";

const schemaFile = "../schema/workload_schema_v1.schema.json";

function isSpec(value: unknown): boolean {
  const result = workloadSpecSchema["~standard"].validate(value);
  if (result instanceof Promise) throw new Error("the schema is synchronous");
  return result.issues === undefined;
}

test("zod takes every spec and gives it back", () => {
  fc.assert(
    fc.property(specs, (spec) => {
      expect(workloadSpecZod.parse(spec)).toEqual(spec);
      expect(isSpec(spec)).toBe(true);
    }),
  );
});

test("zod and the rules agree on values that are nearly specs", () => {
  const seen = { valid: 0, invalid: 0 };
  fc.assert(
    fc.property(nearSpecs, (value) => {
      const valid = workloadSpecZod.safeParse(value).success;
      expect(isSpec(value)).toBe(valid);
      seen[valid ? "valid" : "invalid"]++;
    }),
    { numRuns: 2000 },
  );
  expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(100);
});

test("the sections have schemas of their own", () => {
  expect(antSpecZod.safeParse(presets.od1_small.ant_spec).success).toBe(true);
  expect(colonySpecZod.safeParse(presets.od1_small.colony_spec).success).toBe(true);
  expect(antSpecZod.safeParse(presets.od1_small.colony_spec).success).toBe(false);
  expectTypeOf<z.infer<typeof workloadSpecZod>>().toEqualTypeOf<WorkloadSpec<SpecInteger>>();
  expectTypeOf<z.infer<typeof antSpecZod>>().toEqualTypeOf<AntSpec<SpecInteger>>();
  expectTypeOf<z.infer<typeof colonySpecZod>>().toEqualTypeOf<ColonySpec<SpecInteger>>();
});

test("the committed JSON Schema is current", async () => {
  await expect(`${JSON.stringify(workloadSpecJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(schemaFile);
});

test("the JSON Schema agrees with the reader on the values that JSON can hold exactly", () => {
  const schemaText = readFileSync(new URL(schemaFile, import.meta.url), "utf8");
  const schema = z.fromJSONSchema(JSON.parse(schemaText) as Parameters<typeof z.fromJSONSchema>[0]);
  const seen = { ok: 0, invalid: 0 };
  fc.assert(
    fc.property(nearSpecs, (value) => {
      const text = textOf(value);
      const read = readWorkloadSpec(text, { dialect: "python" });
      // JSON.parse has lost digits of such a spec, and no schema can tell.
      fc.pre(read.status === "invalid" || toSafeInts(read.spec).status === "ok");
      const parsed: unknown = JSON.parse(text);
      expect(schema.safeParse(parsed).success).toBe(read.status === "ok");
      seen[read.status]++;
    }),
    { numRuns: 2000 },
  );
  expect(Math.min(seen.ok, seen.invalid)).toBeGreaterThan(50);
});

/** A value as JSON; no case where it has none (bigints, cycles). */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    fc.pre(false);
    return "";
  }
}
