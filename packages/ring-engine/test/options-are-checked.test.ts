import { presets } from "@vrx/workload-schema";
import { describe, expect, it } from "vitest";
import { engineSupports } from "../src/engine.js";
import { countFlops } from "../src/flops.js";
import { runIdentity } from "../src/identity.js";
import { predictMemory } from "../src/memory.js";
import {
  DEFAULT_RING_OPTIONS,
  type RingOptions,
  SIZE_OPTIONS,
  requireRingOptions,
  resolveRingOptions,
} from "../src/options.js";
import { ringConfig } from "../src/ring-config.js";
import { smallSpec } from "./small-spec.js";

/** Options as they may come from JSON or a command line. */
function untyped(options: object): Parameters<typeof resolveRingOptions>[0] {
  return options;
}

describe("resolveRingOptions", () => {
  it("fills in what is left out", () => {
    expect(resolveRingOptions()).toEqual({ status: "ok", options: DEFAULT_RING_OPTIONS });
    expect(resolveRingOptions({ expert_heads: 4, sensory_len: null })).toEqual({
      status: "ok",
      options: { ...DEFAULT_RING_OPTIONS, expert_heads: 4 },
    });
  });

  it("takes undefined for left out", () => {
    expect(resolveRingOptions(untyped({ num_classes: undefined }))).toEqual({
      status: "ok",
      options: DEFAULT_RING_OPTIONS,
    });
  });

  it("returns every problem at once, with the nearest name", () => {
    const read = resolveRingOptions(
      untyped({ expert_head: 2, num_classes: "256", adam_beta1: 1, sensory_ring: 1, window_tau: NaN, __proto__x: 1 }),
    );
    expect(read).toMatchObject({
      status: "invalid",
      issues: [
        { code: "unknown_option", option: "expert_head", suggestion: "expert_heads" },
        { code: "wrong_type", option: "num_classes", found: '"256"' },
        { code: "out_of_range", option: "adam_beta1" },
        { code: "wrong_type", option: "sensory_ring" },
        { code: "out_of_range", option: "window_tau" },
        { code: "unknown_option", option: "__proto__x" },
      ],
    });
  });

  it.each([
    ["toString", 1],
    ["expert_heads", 1.5],
    ["expert_heads", null],
    ["expert_heads", 2 ** 31],
    ["window_radius", -1],
    ["context_scale_init", 1],
    ["adam_epsilon", 0],
    ["learning_rate", Infinity],
    ["sensory_dim", 0],
    ["update_scale", []],
  ])("refuses %s = %j", (name, value) => {
    expect(resolveRingOptions(untyped(Object.fromEntries([[name, value]]))).status).toBe("invalid");
  });

  it("reads nothing from the environment", () => {
    const before = { ...process.env };
    try {
      Object.assign(process.env, { VRX_SENSORY_RING: "0", VRX_SENSORY_RING_LEN: "7", VRX_SENSORY_SLOT_DIM: "3" });
      const config = ringConfig(presets.od1_small, requireRingOptions());
      expect(config).toMatchObject({ sensory_ring: true, sensory_len: 1024, sensory_dim: 85 });
    } finally {
      process.env = before;
    }
  });
});

describe("ringConfig", () => {
  it("derives the sensory stage from the spec", () => {
    expect(ringConfig(smallSpec({ ring_len: 1, slot_dim: 3 }), DEFAULT_RING_OPTIONS)).toMatchObject({
      sensory_len: 1,
      sensory_dim: 8,
    });
    expect(ringConfig(presets.od1_real, DEFAULT_RING_OPTIONS)).toMatchObject({ sensory_len: 4096, sensory_dim: 192 });
  });

  it("takes cadences beyond all steps for what they are", () => {
    const spec = smallSpec({ ptr_update_every: 10n ** 40n, state_loop_samples: 10n ** 40n });
    expect(ringConfig(spec, DEFAULT_RING_OPTIONS)).toMatchObject({ ptr_update_every: 2 ** 31 - 1 });
  });
});

describe("SIZE_OPTIONS", () => {
  it("are all that what an engine can execute, holds and computes depends on", () => {
    const others: Partial<RingOptions> = {
      window_tau: 3,
      deadzone_tau: 0.5,
      update_scale: 0,
      context_scale_init: 0.7,
      learning_rate: 0.5,
      adam_beta1: 0,
      adam_beta2: 0.5,
      adam_epsilon: 1,
    };
    const sizes: readonly string[] = SIZE_OPTIONS;
    expect([...sizes, ...Object.keys(others)].sort()).toEqual(Object.keys(DEFAULT_RING_OPTIONS).sort());
    for (const engine of ["reference", "cpu", "cuda"] as const) {
      for (const spec of [presets.od1_small, presets.od1_real, smallSpec({ precision: "bf16" })]) {
        const supportOf = (options: Partial<RingOptions>): unknown => {
          const support = engineSupports(engine, spec, options);
          return support.status === "ok" ? support.status : support;
        };
        expect(supportOf(others)).toEqual(supportOf({}));
        expect(predictMemory(spec, others, { engine })).toEqual(predictMemory(spec, {}, { engine }));
        expect(countFlops(spec, others)).toEqual(countFlops(spec, {}));
      }
    }
  });
});

describe("the identity of a run", () => {
  const identityOf = (options: Parameters<typeof requireRingOptions>[0], spec = smallSpec()) => {
    const resolved = requireRingOptions(options);
    return runIdentity(ringConfig(spec, resolved), resolved.context_scale_init);
  };

  it("changes with every option that changes the result", () => {
    const changes: Parameters<typeof requireRingOptions>[0][] = [
      {},
      { expert_heads: 2 },
      { num_classes: 2 },
      { sensory_ring: false },
      { sensory_len: 3 },
      { sensory_dim: 9 },
      { ring_history: "materialized" },
      { window_radius: 1 },
      { window_tau: 0.5 },
      { deadzone_tau: 1e-3 },
      { update_scale: 0.5 },
      { context_scale_init: 0.3 },
      { state_loop_dim: 16 },
      { learning_rate: 0 },
      { adam_beta1: 0 },
      { adam_beta2: 0 },
      { adam_epsilon: 1e-7 },
    ];
    expect(new Set(changes.map((options) => identityOf(options).digest)).size).toBe(changes.length);
    expect(changes.length).toBe(Object.keys(DEFAULT_RING_OPTIONS).length + 1);
  });

  it("is the same however the same configuration is asked for", () => {
    expect(identityOf({ sensory_len: 8, num_classes: 256 })).toEqual(identityOf({}));
    expect(identityOf({})).not.toEqual(identityOf({}, smallSpec({ ptr_dtype: "fp32" })));
  });

  it("is canonical JSON, and has not changed", () => {
    const { json, digest } = identityOf({});
    expect(Object.keys(JSON.parse(json) as object)).toEqual(Object.keys(JSON.parse(json) as object).sort());
    expect(digest).toMatchInlineSnapshot(`"e843a2f13b7b3a6ef1588089f1007e1f89dbf3187d5a082508155bf2c7053c38"`);
  });
});
