import { presets } from "@vrx/workload-schema";
import { describe, expect, it } from "vitest";
import { createEngine, engineSupports } from "../src/engine.js";
import { isRingEngineError } from "../src/errors.js";
import { predictMemory } from "../src/memory.js";
import { loadAddon } from "../src/native-addon.js";
import { smallSpec } from "./small-spec.js";

const addon = loadAddon();

describe("the reference engine", () => {
  it("computes in fp64 and names the engines that compute in what it does not", async () => {
    const engine = await createEngine("reference");
    expect(engine).toMatchObject({ kind: "reference", threads: 1, precisions: ["fp64"], fallback: null });
    expect(engine.supports(smallSpec())).toMatchObject({
      status: "ok",
      config: { num_classes: 256, precision: "fp64" },
    });
    expect(engine.supports(presets.od1_small)).toEqual({
      status: "unsupported",
      code: "precision",
      reason:
        "the reference engine computes in fp64, not in fp32: the cpu and the cuda engines do; " +
        "with precision fp64 it is another workload, which this engine runs",
      engines: ["cpu", "cuda"],
    });
  });

  it.each(["fp16", "bf16", "amp"] as const)("leaves %s to the cuda engine", async (precision) => {
    const engine = await createEngine("reference");
    expect(engine.supports(smallSpec({ precision }))).toMatchObject({
      status: "unsupported",
      code: "precision",
      reason: expect.stringContaining("the cuda engine does") as unknown,
      engines: ["cuda"],
    });
  });

  it("says of amp that it is another workload than the fp64 it computes in", async () => {
    const engine = await createEngine("reference");
    expect(engine.supports(smallSpec({ precision: "amp" }))).toMatchObject({
      reason:
        "the reference engine computes in fp64, not in amp: the cuda engine does; " +
        "with precision fp64 it is another workload, which this engine runs",
    });
  });

  it("leaves a ring for every time step to the cuda engine", async () => {
    const engine = await createEngine("reference");
    expect(engine.supports(smallSpec(), { ring_history: "materialized" })).toMatchObject({
      status: "unsupported",
      code: "ring_history",
      engines: ["cuda"],
    });
  });

  it.each(["fp16", "bf16"] as const)("refuses pointers in %s", async (ptr_dtype) => {
    const engine = await createEngine("reference");
    expect(engine.supports(smallSpec({ ptr_dtype }))).toMatchObject({
      status: "unsupported",
      code: "ptr_dtype",
      engines: [],
    });
  });

  it.each([2 ** 31, 2 ** 60, 10n ** 100n])("refuses %d slots", async (ring_len) => {
    const engine = await createEngine("reference");
    expect(engine.supports(smallSpec({ ring_len }))).toMatchObject({
      status: "unsupported",
      code: "too_large",
      engines: [],
    });
  });

  it("refuses more samples times time steps than can be counted", async () => {
    const engine = await createEngine("reference");
    const spec = smallSpec({ batch_size: 2 ** 20, synth_len: 2 ** 20 });
    expect(engine.supports(spec)).toMatchObject({ status: "unsupported", code: "too_large" });
  });
});

describe("the cuda engine", () => {
  it("executes amp in fp16 and as fp16, whatever host it is asked on", () => {
    const amp = engineSupports("cuda", smallSpec({ precision: "amp" }));
    const fp16 = engineSupports("cuda", smallSpec({ precision: "fp16" }));
    expect(amp).toMatchObject({ status: "ok", config: { precision: "fp16" } });
    expect(amp).toEqual(fp16);
    expect(predictMemory(smallSpec({ precision: "amp" }), {}, { engine: "cuda" })).toEqual(
      predictMemory(smallSpec({ precision: "fp16" }), {}, { engine: "cuda" }),
    );
  });
});

describe("createEngine", () => {
  it("takes the cpu engine for auto where its addon loads, and says why not otherwise", async () => {
    const engine = await createEngine("auto");
    if (addon.status === "loaded") {
      expect(engine).toMatchObject({ kind: "cpu", fallback: null, precisions: ["fp64", "fp32"] });
      expect(engine.supports(presets.od1_small).status).toBe("ok");
      expect(engine.supports(smallSpec({ precision: "amp" }))).toMatchObject({
        status: "unsupported",
        engines: ["cuda"],
      });
    } else {
      expect(engine).toMatchObject({ kind: "reference", fallback: { reason: addon.message, fix: addon.fix } });
    }
  });

  it.each([0, 1.5, 1025, NaN])("refuses %d threads", async (threads) => {
    await expect(createEngine("auto", { threads })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it.each([
    ["cuda", { driver: "/nowhere/libcuda.so.1" }],
    ["auto", { driver: "/nowhere/libcuda.so.1" }],
  ] as const)("takes nothing in the place of a device that was asked for (%s)", async (choice, options) => {
    try {
      await createEngine(choice, options);
      expect.unreachable();
    } catch (error) {
      expect(isRingEngineError(error) && error.code).toBe("engine_unavailable");
      expect(isRingEngineError(error) && error.details).toEqual({
        reason: expect.any(String) as unknown,
        fix: expect.any(String) as unknown,
      });
    }
  });
});
