import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cudaArena } from "../src/internal/cuda-arena.js";
import { cudaLayout } from "../src/internal/cuda-layout.js";
import { PLAN_FIELDS, type PlanField } from "../src/internal/cuda-plan.js";
import { totalBytes } from "../src/memory-parts.js";
import { randomConfig } from "./random-config.js";

const header = readFileSync(new URL("../native/cuda/ring_plan.h", import.meta.url), "utf8");

/** Names of a struct's fields, in order, with the type of each. */
function fieldsOf(struct: string): readonly (readonly [name: string, type: string])[] {
  const body = new RegExp(`struct ${struct} \\{([^}]*)\\}`).exec(header)?.[1] ?? "";
  const statements = body.replace(/\/\*[\s\S]*?\*\//g, "").split(";");
  return statements.flatMap((statement) => {
    const [, type, names] = /^\s*(int64_t|double)\s+([\s\S]*)$/.exec(statement) ?? [];
    return type === undefined ? [] : (names ?? "").split(",").map((name) => [name.trim(), type] as const);
  });
}

describe("the committed images of the kernels", () => {
  it("were made from the sources as they are", () => {
    const build = fileURLToPath(new URL("../../../tools/workspace/kernels/build.mjs", import.meta.url));
    const folder = fileURLToPath(new URL("../native/cuda", import.meta.url));
    const said = execFileSync(process.execPath, [build, folder, "--check", "--quick"], { encoding: "utf8" });
    expect(said).toMatch(/^kernels: \S+: the images are current/);
  });
});

describe("the plan", () => {
  it("has the fields of ring_plan.h, in their order", () => {
    expect(PLAN_FIELDS).toEqual(fieldsOf("ring_plan").map(([name]) => name));
  });

  it("writes what the header calls a double as one, and nothing else", () => {
    const doubles = fieldsOf("ring_plan").filter(([, type]) => type === "double");
    expect(doubles.map(([name]) => name)).toEqual([
      "window_tau",
      "deadzone_tau",
      "update_scale",
      "learning_rate",
      "beta1",
      "beta2",
      "epsilon",
    ] satisfies PlanField[]);
  });
});

describe("the arena", () => {
  it("has a place of its own for everything, and says what its parts take", () => {
    fc.assert(
      fc.property(randomConfig, fc.integer({ min: 1, max: 200 }), (config, multiprocessors) => {
        const layout = cudaLayout(config, { multiprocessors });
        const { plan, bytes, parts } = layout.arena;
        expect(totalBytes(parts)).toBe(bytes);
        const places = Object.entries(plan).filter(([name, at]) => name.startsWith("at_") && at > 0);
        const shared = new Set(["at_sensory_mixed", "at_packs"]);
        const starts = places.filter(([name]) => !shared.has(name)).map(([, at]) => at);
        expect(new Set(starts).size).toBe(starts.length);
        for (const { at, bytes: written } of layout.writes) expect(at + written.length).toBeLessThanOrEqual(bytes);
      }),
      { seed: 5 },
    );
  });

  it("grows with the ring by two rings, and by no copy of it for each time step", () => {
    const config = { ...fc.sample(randomConfig, { numRuns: 1, seed: 6 })[0]!, ring_len: 1000, synth_len: 8 };
    const larger = { ...config, ring_len: 2000 };
    const [a, b] = [config, larger].map((one) => cudaArena(one, { multiprocessors: 132 }));
    const ring = 8 * config.batch_size * 1000 * config.slot_dim;
    expect(b!.parts.ring + b!.parts.ring_gradient - a!.parts.ring - a!.parts.ring_gradient).toBeGreaterThanOrEqual(
      2 * ring - 512,
    );
    expect(b!.bytes - a!.bytes).toBeLessThan(2 * ring + 5 * 8 * 2 * 1000 + 4096);
  });
});
