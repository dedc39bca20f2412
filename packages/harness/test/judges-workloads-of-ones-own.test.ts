import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { OBJECTIVE_V1, defineContract, defineGate, gateResult } from "@vrx/objective-contract";
import { recheckRun } from "@vrx/objective-contract/node";
import { presets } from "@vrx/workload-schema";
import { describe, expect, it } from "vitest";
import { isHarnessError } from "../src/errors.js";
import { type ProbeOptions, type ProbeResult, probe } from "../src/probe.js";
import type { ProbeProgress } from "../src/probe-progress.js";
import { type StepReport, type WorkloadSession, cpuDevice, defineWorkload } from "../src/workload.js";
import { fp64Spec } from "./python-child.js";
import { temporaryFolder } from "./temporary-folder.js";

const steps = { warmup_steps: 2, measure_steps: 20 };

async function* descending(time_s?: number): AsyncGenerator<StepReport> {
  for (let loss = 1; ; loss *= 0.9) yield await Promise.resolve({ loss, ...(time_s === undefined ? {} : { time_s }) });
}

/** Measures a workload on the CPU with this session. */
function measure(session: Partial<WorkloadSession>, options: ProbeOptions = {}): Promise<ProbeResult> {
  const workload = defineWorkload({
    name: "mine",
    describe: () => ({ device: cpuDevice }),
    prepare: () => ({
      facts: () => ({ executed: { precision: "fp64", amp: false } }),
      steps: () => descending(0.001),
      ...session,
    }),
  });
  return probe(workload, fp64Spec, { ...steps, ...options });
}

describe("a run whose end cannot be told", () => {
  const throwing = (what: unknown) => () => {
    throw what;
  };
  const undescribable = {
    toString: throwing(new Error("not even this")),
  };
  const cases: readonly (readonly [string, Partial<WorkloadSession>, ProbeOptions])[] = [
    ["a session that cannot say what it executed", { facts: throwing(new Error("unknown")) }, {}],
    ["a session that cannot say what it printed", { log: throwing(new Error("unknown")) }, {}],
    ["a session that says what no artifact carries", { facts: () => ({ extras: { figure: NaN } }) }, {}],
    ["something thrown that cannot be described", { steps: throwing(undescribable) }, {}],
    ["an error without a name", { steps: throwing(Object.assign(new Error("x"), { name: 5 })) }, {}],
    ["a progress listener that throws", {}, { onProgress: throwing(new Error("no terminal")) }],
  ];

  it.each(cases)("by %s fails, with all its artifacts", async (_what, session, options) => {
    const out = join(temporaryFolder(), "run");
    const { verdict } = await measure(session, { out, ...options });
    expect(verdict.status).toBe("fail");
    expect(verdict.fail_reasons).toContain("runtime_exception");
    const found = await recheckRun(out);
    expect(found).toMatchObject({ form: "full", disagreements: [], verdict: { status: "fail" } });
  });
});

describe("a workload of one's own", () => {
  it("runs in memory, with the warm-up recorded and left out of the figures", async () => {
    const result = await measure({
      *steps() {
        for (let i = 0; ; i++) yield { loss: 1, time_s: i < 2 ? 0.5 : 0.001 };
      },
    });
    expect(result.dir).toBeNull();
    expect(result.samples.map(({ phase }) => phase)).toEqual([
      ...Array.from({ length: 2 }, () => "warmup"),
      ...Array.from({ length: 20 }, () => "measure"),
    ]);
    expect(result.verdict.metrics).toMatchObject({ median_step_time_s: 0.001, measured_steps: 20 });
  });

  it("is timed by the harness when it does not say how long a step took", async () => {
    const result = await measure({
      async *steps() {
        for (;;) {
          await sleep(5);
          yield { loss: 1 };
        }
      },
    });
    expect(result.verdict.metrics.median_step_time_s).toBeGreaterThan(0.004);
    const wall_s = result.verdict.metrics.measure_wall_time_s ?? 0;
    const sum_s = result.samples.slice(2).reduce((sum, { time_s }) => sum + time_s, 0);
    expect(sum_s).toBeLessThanOrEqual(wall_s);
  });

  it("tells how far it is", async () => {
    const seen: ProbeProgress[] = [];
    await measure({}, { onProgress: (progress) => seen.push(progress) });
    expect([...new Set(seen.map(({ phase }) => phase))]).toEqual(["set_up", "warmup", "measure", "ending"]);
    expect(seen.filter(({ phase }) => phase === "measure").map(({ done }) => done)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
  });

  it("is held to a contract of one's own", async () => {
    const never = defineGate({ name: "never", rule: "Never.", evaluate: () => gateResult("fail", "never") });
    const gates = [...OBJECTIVE_V1.gates, never];
    const contract = defineContract({ ...OBJECTIVE_V1, name: "mine_v1", page: "docs/mine.md", gates });
    const inMemory = await measure({}, { contract });
    const written = await measure({}, { contract, out: join(temporaryFolder(), "run") });
    for (const { verdict } of [inMemory, written]) expect(verdict.fail_reasons).toContain("never");
  });

  it("leaves the verdict inconclusive when it was too short to show anything", async () => {
    const result = await measure({}, { measure_steps: 4 });
    expect(result.verdict.inconclusive_reasons.map(({ code }) => code)).toContain("gate_cannot_fire");
    expect(result.verdict.status).not.toBe("pass");
  });
});

describe("a workload that fails", () => {
  const failure = new TypeError("no such tensor");

  it.each([
    ["in its set-up", { prepare: () => Promise.reject(failure) }],
    ["in a step", { prepare: () => ({ steps: (): Iterable<StepReport> => thrower() }) }],
    ["when it is closed", { prepare: () => ({ steps: () => descending(), close: () => Promise.reject(failure) }) }],
  ])("%s has a verdict that says so", async (_when, workload) => {
    for (const out of [undefined, join(temporaryFolder(), "run")]) {
      const result = await probe(defineWorkload({ name: "broken", ...workload }), fp64Spec, {
        ...steps,
        ...(out === undefined ? {} : { out }),
      });
      expect(result.outcome).toMatchObject({
        status: "failed",
        stop_reason: "exception",
        exception: { type: "TypeError", message: "no such tensor" },
      });
      expect(result.verdict.fail_reasons).toContain("runtime_exception");
    }
  });

  function* thrower(): Generator<StepReport> {
    yield { loss: 1 };
    throw failure;
  }

  it("says so when memory ran out, by words or by code", async () => {
    const byCode = Object.assign(new Error("too large"), { code: "out_of_memory" });
    for (const error of [new Error("CUDA out of memory"), byCode]) {
      const workload = defineWorkload({ name: "large", prepare: () => Promise.reject(error) });
      const { verdict } = await probe(workload, fp64Spec, steps);
      expect(verdict.fail_reasons).toEqual(["runtime_exception", "oom"]);
    }
  });

  it.each([NaN, -1, Infinity, 1e6])("cannot report a time of %f", async (time_s) => {
    for (const out of [undefined, join(temporaryFolder(), "run")]) {
      const options = out === undefined ? {} : { out };
      const result = await measure({ steps: () => descending(time_s) }, options);
      expect(result.outcome).toMatchObject({ status: "failed", stop_reason: "bad_sample" });
      expect(result.samples).toEqual([]);
    }
  });
});

describe("a reading out of its domain", () => {
  it("ends the run, in memory and on disk", async () => {
    for (const out of [undefined, join(temporaryFolder(), "run")]) {
      const steps = [{ loss: 1 }, { loss: 1, rss_bytes: -5 }];
      const result = await measure({ steps: () => steps }, out === undefined ? {} : { out });
      expect(result.outcome).toMatchObject({ status: "failed", stop_reason: "bad_sample" });
      expect(result.outcome.exception?.message).toMatch(/rss_bytes: expected .*, found -5/);
      expect(result.samples).toHaveLength(1);
    }
  });
});

describe("a workload that does not come back", () => {
  const never = new Promise<never>(() => undefined);

  it.each([
    ["set_up", defineWorkload({ name: "stuck", prepare: () => never })],
    ["measure", defineWorkload({ name: "stuck", prepare: () => ({ steps: stuckSteps }) })],
  ] as const)("is found stalled in its %s, in memory and on disk", async (phase, workload) => {
    for (const out of [undefined, join(temporaryFolder(), "run")]) {
      const heartbeat = { set_up_limit_s: 0.4, floor_s: 0.4 };
      const result = await probe(workload, fp64Spec, { ...steps, heartbeat, ...(out === undefined ? {} : { out }) });
      expect(result.outcome).toMatchObject({ status: "stalled", stop_reason: "no_progress", stall: { phase } });
      expect(result.verdict.fail_reasons).toContain("heartbeat_stall");
    }
  });

  async function* stuckSteps(): AsyncGenerator<StepReport> {
    for (let i = 0; i < 5; i++) yield await Promise.resolve({ loss: 1 });
    yield await never;
  }

  it("is found stalled when it blocked the thread and then went on", async () => {
    const result = await measure(
      {
        *steps() {
          for (let i = 0; ; i++) {
            if (i === 5) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900);
            yield { loss: 1 };
          }
        },
      },
      { heartbeat: { floor_s: 0.3 } },
    );
    expect(result.outcome.status).toBe("stalled");
  });

  it("can be interrupted, also while it never leaves the thread", async () => {
    const controller = new AbortController();
    const result = await measure(
      {
        *steps() {
          setTimeout(() => controller.abort(), 100);
          for (;;) yield { loss: 1 };
        },
      },
      { measure_steps: 900_000, signal: controller.signal },
    );
    expect(result.outcome).toMatchObject({ status: "interrupted" });
  });

  it("is closed once it is there, when it was interrupted in its set-up", async () => {
    const controller = new AbortController();
    let closed = "";
    const workload = defineWorkload({
      name: "slow",
      async prepare() {
        controller.abort();
        await sleep(100);
        return { steps: () => descending(), close: (how) => void (closed = how) };
      },
    });
    const { outcome } = await probe(workload, fp64Spec, { ...steps, signal: controller.signal });
    expect(outcome.status).toBe("interrupted");
    await sleep(150);
    expect(closed).toBe("abandoned");
  });
});

describe("bad input", () => {
  it.each([
    [{ warmup_steps: -1 }, "invalid_argument"],
    [{ measure_steps: 0 }, "invalid_argument"],
    [{ measure_steps: 2.5 }, "invalid_argument"],
    [{ seed: 2 ** 60 }, "invalid_argument"],
    [{ heads: 0 }, "invalid_argument"],
    [{ measure_steps: 2_000_000 }, "invalid_header"],
    [{ vram_guard_ratio: 0.5 }, "vram_guard_ratio_out_of_range"],
    [{ amp: true }, "invalid_header"],
  ])("%j is refused before anything is written", async (options, code) => {
    const out = join(temporaryFolder(), "run");
    await expect(measure({}, { out, ...options })).rejects.toMatchObject({ code });
    expect(existsSync(out)).toBe(false);
  });

  it("a spec that is none is refused", async () => {
    const spec = { ...presets.od1_small, colony_spec: { ...presets.od1_small.colony_spec, batch_size: 0 } };
    const workload = defineWorkload({ name: "mine", prepare: () => ({ steps: () => descending() }) });
    await expect(probe(workload, spec)).rejects.toMatchObject({ code: "invalid_spec" });
  });

  it("a signal that is aborted already is refused with its reason", async () => {
    await expect(measure({}, { signal: AbortSignal.abort(new Error("too late")) })).rejects.toThrow("too late");
  });

  it("a folder that holds a run is left alone", async () => {
    const out = join(temporaryFolder(), "run");
    await measure({}, { out });
    await expect(measure({}, { out })).rejects.toMatchObject({ code: "run_exists" });
  });

  it("has errors that are recognised by their brand", () => {
    expect(isHarnessError(new Error("no"))).toBe(false);
    expect(isHarnessError(null)).toBe(false);
  });
});

it("knows the same of the machine in memory as in a run directory", async () => {
  const facts = () => ({ executed: { precision: "fp64", amp: false }, tf32: false, torch_version: "2.4" }) as const;
  const inMemory = await measure({ facts });
  const onDisk = await measure({ facts }, { out: join(temporaryFolder(), "run") });
  expect(inMemory.env).toEqual({ ...onDisk.env, generated_utc: inMemory.env.generated_utc });
  expect(inMemory.env).toMatchObject({ executed_precision: "fp64", executed_amp: 0, tf32: false });
  expect(inMemory.env.reasons).not.toHaveProperty("tf32");
});
