import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wilsonInterval } from "@vrx/ant-ratio";
import { createEngine } from "@vrx/ring-engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AssocTask,
  type CapabilityPlan,
  type CapabilityProgress,
  assocData,
  assocSample,
  runCapability,
} from "../src/index.js";
import { hasUniqueKeys, sampleHash } from "../src/capability/assoc-data.js";
import { temporaryFolder } from "./temporary-folder.js";

const compiled = await createEngine("cpu").then(
  () => true,
  () => false,
);

const task: AssocTask = { keys: 4, pairs: 2, values: 4, train_samples: 2048, eval_samples: 500 };

function plan(o: { steps: number; slot_dim?: number; batch_size?: number; seed?: number }): CapabilityPlan {
  const { steps, slot_dim = 64, batch_size = 32, seed = 2 } = o;
  return {
    schema_version: "vrx_trial_v1",
    kind: "capability",
    workload: {
      schema_version: "workload_schema_v1",
      ant_spec: { ring_len: 32, slot_dim, ptr_dtype: "fp32", precision: "fp32" },
      colony_spec: { seq_len: 8, synth_len: 8, batch_size, ptr_update_every: 1, state_loop_samples: 0 },
    },
    heads: 1,
    seed,
    runner: { kind: "ring", engine: "cpu", engine_options: { threads: 1 }, options: { learning_rate: 0.003 } },
    toolkit: null,
    task,
    steps,
    ring_tokens: steps * batch_size * 8,
  };
}

describe("samples of associative recall", () => {
  const tasks = fc
    .record({
      pairs: fc.integer({ min: 1, max: 5 }),
      more: fc.integer({ min: 0, max: 5 }),
      values: fc.integer({ min: 2, max: 9 }),
    })
    .map(({ pairs, more, values }) => ({
      keys: Math.max(2, pairs + more),
      pairs,
      values,
      train_samples: 1,
      eval_samples: 1,
    }));

  it("have different keys, one answer that can be read off, and nothing else", () => {
    fc.assert(
      fc.property(tasks, fc.nat({ max: 20 }), fc.nat(), fc.nat({ max: 1000 }), (one, spare, seed, index) => {
        const length = 2 * one.pairs + 1 + spare;
        const { x, y } = assocSample(one, length, seed, index);
        expect(x.filter((token) => token > 0)).toHaveLength(one.pairs + 1);
        expect(x.filter((token) => token < 0)).toHaveLength(one.pairs);
        expect(hasUniqueKeys({ x, y })).toBe(true);
        const place = x.subarray(0, -1).indexOf(x[length - 1]!);
        expect(place).toBeGreaterThanOrEqual(0);
        expect(x[place + 1]).toBe(-(y + 1));
        expect(assocSample(one, length, seed, index)).toEqual({ x, y });
      }),
    );
  });

  it("of training and evaluation do not overlap by their data", () => {
    const { train, evaluation, overlap, unique_keys } = assocData(task, 8, 1, 1 + 2 ** 32);
    const known = new Set(train.map(sampleHash));
    expect(evaluation.filter((sample) => known.has(sampleHash(sample)))).toEqual([]);
    expect(overlap.shared).toBe(0);
    expect(unique_keys).toBe(true);
  });

  it("are refused where too few differ for a separate evaluation set", () => {
    const tiny = { keys: 2, pairs: 1, values: 2, train_samples: 500, eval_samples: 10 };
    expect(() => assocData(tiny, 3, 1, 2)).toThrow("too few others for a separate evaluation set");
  });
});

describe("a capability run", () => {
  it("is refused with everything that is wrong with its task", async () => {
    const wrong = { ...plan({ steps: 0 }), task: { ...task, keys: 1, pairs: 9 } };
    await expect(runCapability(wrong, { folder: temporaryFolder() })).rejects.toThrow(/keys: [^]*pairs: [^]*steps: /);
  });

  it.runIf(compiled)("learns more than to copy a value, on data it has not seen", async () => {
    const outcome = await runCapability(plan({ steps: 3000 }), { folder: temporaryFolder() });
    if (outcome.status !== "evaluated") throw new Error(outcome.status);
    const { eval: evaluated, levels, settings, train } = outcome.report;
    expect(wilsonInterval(evaluated.eval_hits, evaluated.eval_n).low).toBeGreaterThan(levels.copy + 0.2);
    expect(settings).toMatchObject({ eval_disjoint: true, unique_keys: true });
    expect(train).toMatchObject({ steps: 3000, ring_tokens: 768_000 });
  });

  it.runIf(compiled)("that was interrupted gives the same figures as one that was not", async () => {
    const folder = temporaryFolder();
    const one = plan({ steps: 60, slot_dim: 16 });
    const whole = await runCapability(one, { folder });
    const checkpoint = join(folder, "checkpoint");
    for (const stopAt of [1, 7, 30, 59]) {
      rmSync(checkpoint, { force: true });
      const stop = new AbortController();
      const cut = runCapability(one, {
        folder,
        checkpoint,
        signal: stop.signal,
        onProgress: ({ phase, done }) => {
          if (phase === "training" && done === stopAt) stop.abort(new Error("cut"));
        },
      });
      await expect(cut).rejects.toThrow("cut");
      let first = Infinity;
      const rest = await runCapability(one, {
        folder,
        checkpoint,
        onProgress: ({ phase, done }) => {
          if (phase === "training") first = Math.min(first, done);
        },
      });
      expect(first).toBe(stopAt + 1);
      if (rest.status !== "evaluated" || whole.status !== "evaluated") throw new Error("not evaluated");
      const timeless = ({ report }: typeof rest) => ({
        ...report,
        generated_utc: "",
        train: { ...report.train, wall_s: 0 },
      });
      expect(timeless(rest)).toEqual(timeless(whole));
    }
  });

  it.runIf(compiled)("starts over where its checkpoint is damaged, rather than failing for ever", async () => {
    const folder = temporaryFolder();
    const one = plan({ steps: 20, slot_dim: 16 });
    const checkpoint = join(folder, "checkpoint");
    const stop = new AbortController();
    const onProgress = ({ phase, done }: CapabilityProgress): void => {
      if (phase === "training" && done === 10) stop.abort(new Error("cut"));
    };
    await expect(runCapability(one, { folder, checkpoint, signal: stop.signal, onProgress })).rejects.toThrow("cut");
    const bytes = readFileSync(checkpoint);
    const torn = bytes.subarray(0, bytes.length - 9);
    const flipped = Buffer.from(bytes);
    flipped[bytes.length - 100]! ^= 1;
    for (const damaged of [torn, flipped, Buffer.from("vrx-assoc-checkpoint-1\n{\n"), Buffer.alloc(0)]) {
      writeFileSync(checkpoint, damaged);
      let first = Infinity;
      const outcome = await runCapability(one, {
        folder,
        checkpoint,
        onProgress: ({ phase, done }) => {
          if (phase === "training") first = Math.min(first, done);
        },
      });
      expect(outcome.status).toBe("evaluated");
      expect(first).toBe(1);
    }
  });
});
