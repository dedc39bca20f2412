import { presets } from "@vrx/workload-schema";
import { describe, expect, it } from "vitest";
import type { WorkloadSpec } from "@vrx/workload-schema";
import { createEngine } from "../src/engine.js";
import type { EngineKind } from "../src/backend.js";
import { loadAddon } from "../src/native-addon.js";
import { type RingEngineErrorCode, isRingEngineError } from "../src/errors.js";
import type { Session } from "../src/session.js";
import { ringBatch } from "../src/ring-batch.js";
import { smallSpec } from "./small-spec.js";

const options = { num_classes: 12, expert_heads: 2 };

const engines: readonly EngineKind[] = loadAddon().status === "loaded" ? ["reference", "cpu"] : ["reference"];

async function losses(session: Session, count: number): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const { loss } of session.steps(count)) found.push(loss);
  return found;
}

async function codeOf(work: () => unknown): Promise<RingEngineErrorCode | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (isRingEngineError(error)) return error.code;
    throw error;
  }
}

describe.each(engines)("a session on the %s engine", (kind) => {
  async function prepare(spec: WorkloadSpec = smallSpec(), seed = 3): Promise<Session> {
    const engine = await createEngine(kind, { threads: 2 });
    return engine.prepare(spec, options, { seed });
  }

  it("gives the same losses for the same seed, others for another", async () => {
    const first = await losses(await prepare(), 4);
    expect(await losses(await prepare(), 4)).toEqual(first);
    expect(await losses(await prepare(smallSpec(), 4), 4)).not.toEqual(first);
    expect(new Set(first).size).toBe(4);
  });

  it("evaluates a batch with the parameters it has by then", async () => {
    using session = await prepare(smallSpec({ synth_len: 2 }));
    const { config } = session;
    const before = await session.evaluate(ringBatch(config, 3, 0));
    await losses(session, 3);
    const after = await session.evaluate(ringBatch(config, 3, 0));
    expect(after.loss).not.toBe(before.loss);
    expect(after.accuracy).toBeGreaterThanOrEqual(0);
    expect(after.accuracy).toBeLessThanOrEqual(1);
    expect(after.logits.length).toBe(config.batch_size * 12);
  });

  it("counts its steps and times them", async () => {
    using session = await prepare();
    const samples = [await session.step(), await session.step()];
    expect(samples.map(({ step }) => step)).toEqual([0, 1]);
    expect(samples.every(({ time_s }) => time_s > 0 && Number.isFinite(time_s))).toBe(true);
    expect(session.completed_steps).toBe(2);
    expect(samples[0]?.state_loop).toMatchObject({ max_dwell: expect.any(Number) as number });
  });

  it("goes on from a checkpoint bit for bit", async () => {
    using session = await prepare();
    await losses(session, 3);
    const bytes = await session.checkpoint();
    const expected = await losses(session, 3);
    using other = await prepare();
    await other.restore(bytes);
    expect(other.completed_steps).toBe(3);
    expect(await losses(other, 3)).toEqual(expected);
    await session.restore(bytes);
    expect(await losses(session, 3)).toEqual(expected);
    expect(Buffer.compare(await session.checkpoint(), await other.checkpoint())).toBe(0);
  });

  it("is not changed by an evaluation", async () => {
    using session = await prepare();
    using other = await prepare();
    await losses(session, 2);
    await losses(other, 2);
    await session.evaluate(ringBatch(session.config, 99, 0));
    expect(await losses(session, 2)).toEqual(await losses(other, 2));
  });

  it("refuses damaged, cut and foreign checkpoints, and stays as it was", async () => {
    using session = await prepare();
    await losses(session, 2);
    const bytes = await session.checkpoint();
    for (const at of [0, 7, 9, 30, 200, bytes.length - 1]) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1;
      expect(await codeOf(() => session.restore(damaged)), `byte ${at}`).toBe("invalid_checkpoint");
    }
    for (const length of [0, 5, 12, 44, bytes.length - 1]) {
      expect(await codeOf(() => session.restore(bytes.subarray(0, length))), `${length} bytes`).toBe(
        "invalid_checkpoint",
      );
    }
    using otherSeed = await prepare(smallSpec(), 4);
    expect(await codeOf(() => otherSeed.restore(bytes))).toBe("checkpoint_mismatch");
    using otherShape = await prepare(smallSpec({ ring_len: 12 }));
    expect(await codeOf(() => otherShape.restore(bytes))).toBe("checkpoint_mismatch");
    expect(Buffer.compare(await session.checkpoint(), bytes)).toBe(0);
  });

  it("reads a checkpoint from the middle of a larger buffer", async () => {
    using session = await prepare();
    const bytes = await session.checkpoint();
    const larger = new Uint8Array(bytes.length + 7);
    larger.set(bytes, 3);
    await session.restore(larger.subarray(3, 3 + bytes.length));
    expect(session.completed_steps).toBe(0);
  });

  it("refuses a second step while one is running", async () => {
    using session = await prepare();
    const running = session.step();
    expect(await codeOf(() => session.step())).toBe("busy");
    expect(await codeOf(() => session.checkpoint())).toBe("busy");
    await running;
    expect(session.completed_steps).toBe(1);
  });

  it("ends with the signal's reason between two steps", async () => {
    using session = await prepare();
    const controller = new AbortController();
    const seen: number[] = [];
    const reason = new Error("enough");
    await expect(async () => {
      for await (const { step } of session.steps(10, { signal: controller.signal })) {
        seen.push(step);
        if (step === 1) controller.abort(reason);
      }
    }).rejects.toBe(reason);
    expect(seen).toEqual([0, 1]);
    await session.step();
  });

  it("cannot be used after it was disposed of, even during a step", async () => {
    const session = await prepare();
    const running = session.step();
    session.dispose();
    session.dispose();
    await running;
    expect(await codeOf(() => session.step())).toBe("disposed");
    expect(await codeOf(() => session.checkpoint())).toBe("disposed");
  });

  it("says what it ran as", async () => {
    using session = await prepare();
    expect(session).toMatchObject({ engine: kind, executed_precision: "fp64", seed: 3 });
    expect(session.threads).toBe(kind === "cpu" ? 2 : 1);
    expect(session.identity.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.parse(session.identity.json)).toMatchObject({ num_classes: 12, generator: "philox4x32-10/as241/1" });
    expect(session.memory.held_bytes).toBeGreaterThan(8 * 4 * 500);
    expect(Math.abs(session.memory.prediction_error)).toBeLessThan(kind === "cpu" ? 0.2 : 1e-12);
  });
});

describe("engines", () => {
  it.skipIf(!engines.includes("cpu"))("start from the same numbers, and take each other's checkpoints", async () => {
    const [reference, cpu] = await Promise.all(
      (["reference", "cpu"] as const).map(async (kind) =>
        (await createEngine(kind)).prepare(smallSpec(), options, { seed: 8 }),
      ),
    );
    expect(Buffer.compare(await reference!.checkpoint(), await cpu!.checkpoint())).toBe(0);
    const [first] = await losses(cpu!, 2);
    const bytes = await cpu!.checkpoint();
    expect(Math.abs(first! - (await reference!.step()).loss)).toBeLessThan(1e-12);
    await reference!.restore(bytes);
    expect(Buffer.compare(await reference!.checkpoint(), bytes)).toBe(0);
    expect(Math.abs((await reference!.step()).loss - (await cpu!.step()).loss)).toBeLessThan(1e-12);
    reference!.dispose();
    cpu!.dispose();
  });
});

describe("a spec the session's engine cannot execute", () => {
  it("is refused before anything is made", async () => {
    const engine = await createEngine("reference");
    expect(await codeOf(() => engine.prepare(presets.od1_small, {}, { seed: 0 }))).toBe("unsupported");
    expect(await codeOf(() => engine.prepare(smallSpec(), {}, { seed: -1 }))).toBe("invalid_argument");
    expect(await codeOf(() => engine.prepare(smallSpec(), { expert_heads: 0 }, { seed: 0 }))).toBe("invalid_options");
    const huge = smallSpec({ ring_len: 2 ** 31 - 1, slot_dim: 2 ** 20 });
    expect(await codeOf(() => engine.prepare(huge, {}, { seed: 0 }))).toBe("out_of_memory");
  });

  it("is not begun when the signal is aborted already", async () => {
    const engine = await createEngine("reference");
    const reason = new Error("never mind");
    await expect(engine.prepare(smallSpec(), {}, { seed: 0, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
