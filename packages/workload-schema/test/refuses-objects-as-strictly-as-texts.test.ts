import { describe, expect, test } from "vitest";
import {
  type WorkloadSpec,
  canonicalWorkloadJson,
  canonicalizeWorkloadSpec,
  computeWorkloadDigest,
  computeWorkloadId,
  isSha256Hex,
  isWorkloadId,
  isWorkloadSchemaError,
  parseWorkloadSpec,
  presets,
  toSafeInts,
  workloadSpecSchema,
} from "../src/index.js";

const base = presets.od1_small;

function withRing(ring_len: unknown): WorkloadSpec {
  return { ...base, ant_spec: { ...base.ant_spec, ring_len } as WorkloadSpec["ant_spec"] };
}

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("an integer of a program", () => {
  test.each([
    [1.5, "not_an_integer"],
    [NaN, "not_an_integer"],
    [Infinity, "not_an_integer"],
    ["8192", "not_an_integer"],
    [true, "not_an_integer"],
    [null, "not_an_integer"],
    [[8192], "not_an_integer"],
    [new Number(8192), "not_an_integer"],
    [undefined, "missing_key"],
    [2 ** 53, "unsafe_integer"],
    [1e300, "unsafe_integer"],
    [0, "too_small"],
    [-1n, "too_small"],
  ])("%s is refused: %s", (ring_len, code) => {
    for (const compute of [computeWorkloadId, computeWorkloadDigest, canonicalWorkloadJson, canonicalizeWorkloadSpec]) {
      const error = thrown(() => compute(withRing(ring_len)));
      expect(isWorkloadSchemaError(error)).toBe(true);
      expect(error).toMatchObject({ code: "invalid_spec", issues: [{ code, pointer: "/ant_spec/ring_len" }] });
      expect((error as Error).message).toContain("/ant_spec/ring_len: expected");
    }
  });

  test("has at most as many digits as in a text", () => {
    const longest = 10n ** 4300n - 1n;
    const spec = parseWorkloadSpec(JSON.stringify(base).replace("2048", String(longest)));
    expect(computeWorkloadId(withRing(longest))).toBe(computeWorkloadId(spec));
    const error = thrown(() => computeWorkloadId(withRing(longest + 1n)));
    expect(error).toMatchObject({ issues: [{ code: "integer_too_long", pointer: "/ant_spec/ring_len" }] });
  });

  test("is the same as number and as bigint, whatever its size", () => {
    expect(computeWorkloadId({ ...base, ant_spec: { ...base.ant_spec, ring_len: 2048n } })).toBe(
      computeWorkloadId(base),
    );
    const huge = { ...base, ant_spec: { ...base.ant_spec, ring_len: 2n ** 63n } };
    expect(canonicalWorkloadJson(huge)).toContain('"ring_len":9223372036854775808,');
    expect(canonicalWorkloadJson({ ...base, colony_spec: { ...base.colony_spec, state_loop_samples: -0 } })).toContain(
      '"state_loop_samples":0,',
    );
  });
});

test("what is no spec at all is refused with a typed error", () => {
  for (const value of [undefined, null, 1, "text", [], {}, new Map(), () => 1, Symbol("s"), new Uint8Array(3)])
    expect(isWorkloadSchemaError(thrown(() => computeWorkloadId(value as never)))).toBe(true);
  expect((thrown(() => computeWorkloadId("{}" as never)) as Error).message).toContain("parseWorkloadSpec");
});

test("knobs and sections that are only inherited are missing", () => {
  expect(() => computeWorkloadId(Object.create(base) as never)).toThrow(/no such key/);
  expect(() => computeWorkloadId({ ...base, ant_spec: Object.create(base.ant_spec) as never })).toThrow(/no such key/);
});

test("unknown keys are refused, also with the value undefined", () => {
  expect(() => computeWorkloadId({ ...base, note: undefined } as never)).toThrow(/"note"/);
  expect(() => computeWorkloadId(JSON.parse(`{"__proto__": 1, ${JSON.stringify(base).slice(1)}`) as never)).toThrow(
    /__proto__/,
  );
});

test("labels never change the id", () => {
  const labelled = {
    ...base,
    name: undefined,
    notes: { any: [NaN] },
    ant_spec: { ...base.ant_spec, name: "a" },
    colony_spec: { ...base.colony_spec, notes: 1n },
  };
  expect(computeWorkloadDigest(labelled)).toBe(computeWorkloadDigest(base));
});

test("the id is the start of the digest, and collides where the digest does not", () => {
  const twins = [27808748, 34366062].map((seq_len) => ({
    ...presets.od1_real,
    colony_spec: { ...presets.od1_real.colony_spec, seq_len },
  }));
  expect(twins.map((spec) => computeWorkloadId(spec))).toEqual(["wl_v1_f7c3e86c4e28", "wl_v1_f7c3e86c4e28"]);
  expect(new Set(twins.map((spec) => computeWorkloadDigest(spec))).size).toBe(2);
  expect(isWorkloadId(computeWorkloadId(base))).toBe(true);
  expect(isSha256Hex(computeWorkloadDigest(base))).toBe(true);
  for (const no of ["wl_v1_37D4C849BED8", "wl_v1_37d4c849bed", "wl_v1_37d4c849bed8\n", "wl_v2_37d4c849bed8", 1, null])
    expect(isWorkloadId(no)).toBe(false);
});

test("the canonical spec has no labels, its keys in the order of the hashed text, and narrow integers", () => {
  const canonical = canonicalizeWorkloadSpec({ ...base, ant_spec: { ...base.ant_spec, ring_len: 2048n, name: "x" } });
  expect(JSON.stringify(canonical)).toBe(canonicalWorkloadJson(base));
});

test("toSafeInts gives numbers, or an issue for each integer that is too large for one", () => {
  const wide = {
    ...base,
    ant_spec: { ...base.ant_spec, ring_len: 2n ** 53n, slot_dim: 7n },
    colony_spec: { ...base.colony_spec, batch_size: 2n ** 53n - 1n },
  };
  expect(toSafeInts(wide)).toMatchObject({
    status: "invalid",
    issues: [{ code: "unsafe_integer", pointer: "/ant_spec/ring_len", found: "9007199254740992" }],
  });
  const narrow = toSafeInts({ ...wide, ant_spec: { ...wide.ant_spec, ring_len: 3n } });
  expect(narrow.status === "ok" && narrow.spec.ant_spec.ring_len).toBe(3);
  expect(narrow.status === "ok" && narrow.spec.colony_spec.batch_size).toBe(2 ** 53 - 1);
});

test("the Standard Schema gives the value or the issues, with paths", () => {
  const { validate, version, vendor } = workloadSpecSchema["~standard"];
  expect([version, vendor]).toEqual([1, "vrx"]);
  expect(validate(base)).toEqual({ value: base });
  expect(validate(withRing("8192"))).toMatchObject({
    issues: [{ path: ["ant_spec", "ring_len"], suggestion: "8192" }],
  });
});
