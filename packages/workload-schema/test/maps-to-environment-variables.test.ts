import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  computeWorkloadDigest,
  diffWorkloads,
  presets,
  workloadFromEnv,
  workloadToEnv,
  workloadVariables,
} from "../src/index.js";
import { specs } from "./support/arbitrary-spec.js";

test("the variables are the first edition's, and VRX_SEQ_LEN for the knob it has none for", () => {
  expect(workloadToEnv(presets.od1_real)).toEqual({
    VRX_RING_LEN: "8192",
    VRX_SLOT_DIM: "576",
    VRX_PTR_DTYPE: "fp64",
    VRX_PRECISION: "fp32",
    VRX_SEQ_LEN: "256",
    VRX_SYNTH_LEN: "256",
    VRX_BATCH_SIZE: "16",
    VRX_PTR_UPDATE_EVERY: "1",
    VRX_STATE_LOOP_SAMPLES: "0",
  });
  expect(Object.keys(workloadToEnv(presets.od1_real))).toEqual(workloadVariables.map(({ env }) => env));
});

test("every spec comes back from its variables", () => {
  fc.assert(
    fc.property(specs, (spec) => {
      const back = workloadFromEnv(workloadToEnv(spec));
      expect(back.status === "ok" && computeWorkloadDigest(back.spec)).toBe(computeWorkloadDigest(spec));
    }),
  );
});

describe("an environment", () => {
  const env = workloadToEnv(presets.od1_small);

  test("of the Python programs has no VRX_SEQ_LEN: the synthetic length stands in", () => {
    const read = workloadFromEnv({ ...env, VRX_SEQ_LEN: undefined, VRX_SYNTH_LEN: "77", PATH: "/bin" });
    expect(read.status === "ok" && read.spec.colony_spec).toMatchObject({ seq_len: 77, synth_len: 77 });
  });

  test.each(["", " 1", "1 ", "+1", "-1", "0", "01", "1.0", "1e3", "0x10", "1_000", "one", "٣", "9".repeat(4301)])(
    "with the integer %j is refused",
    (text) => {
      expect(workloadFromEnv({ ...env, VRX_RING_LEN: text })).toMatchObject({
        status: "invalid",
        issues: [{ code: "malformed_variable", pointer: "/VRX_RING_LEN", expected: "an integer >= 1" }],
      });
    },
  );

  test("says everything that is wrong at once, and what was meant", () => {
    const read = workloadFromEnv({
      VRX_RING_LEN: " 8192",
      VRX_SLOT_DIM: "576",
      VRX_PTR_DTYPE: "FP64",
      VRX_SYNTH_LEN: "x",
    });
    expect(
      read.status === "invalid" && read.issues.map(({ code, pointer, suggestion }) => [code, pointer, suggestion]),
    ).toEqual([
      ["malformed_variable", "/VRX_RING_LEN", "8192"],
      ["malformed_variable", "/VRX_PTR_DTYPE", "fp64"],
      ["missing_variable", "/VRX_PRECISION", undefined],
      ["malformed_variable", "/VRX_SYNTH_LEN", undefined],
      ["missing_variable", "/VRX_BATCH_SIZE", undefined],
      ["missing_variable", "/VRX_PTR_UPDATE_EVERY", undefined],
      ["missing_variable", "/VRX_STATE_LOOP_SAMPLES", undefined],
    ]);
  });
});

test("two workloads differ in no knob exactly when their digests are the same", () => {
  fc.assert(
    fc.property(specs, specs, fc.boolean(), (a, other, same) => {
      const b = same ? { ...a, name: "another label" } : other;
      expect(diffWorkloads(a, b).length === 0).toBe(computeWorkloadDigest(a) === computeWorkloadDigest(b));
    }),
  );
});

test("a difference names its section, knob, values and variable", () => {
  expect(diffWorkloads(presets.od1_small, { ...presets.od1_small, ant_spec: presets.od1_real.ant_spec })).toEqual([
    { section: "ant_spec", knob: "ring_len", a: 2048, b: 8192, env: "VRX_RING_LEN" },
    { section: "ant_spec", knob: "slot_dim", a: 256, b: 576, env: "VRX_SLOT_DIM" },
  ]);
  const big = { ...presets.od1_small, ant_spec: { ...presets.od1_small.ant_spec, ring_len: 2n ** 60n } };
  expect(diffWorkloads(big, big)).toEqual([]);
});
