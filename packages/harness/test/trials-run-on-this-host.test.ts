import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import {
  type AttemptRunner,
  type ProbePlan,
  type Trial,
  type TrialEvent,
  type TrialLimits,
  localExecutor,
  openStore,
  preflightNode,
  runSweep,
  trialOf,
} from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const none: TrialLimits = { time_s: null, memory_bytes: null };

/** A trial of a program that never reports a step. */
function trial(argv: readonly string[], seed = 0): Trial {
  const plan: ProbePlan = {
    schema_version: "vrx_trial_v1",
    kind: "probe",
    workload: {
      schema_version: "workload_schema_v1",
      ant_spec: { ring_len: 16, slot_dim: 8, ptr_dtype: "fp64", precision: "fp64" },
      colony_spec: { seq_len: 4, synth_len: 4, batch_size: 2, ptr_update_every: 1, state_loop_samples: 0 },
    },
    heads: 1,
    seed,
    runner: { kind: "program", argv, env: {}, version: null },
    toolkit: null,
    warmup_steps: 1,
    measure_steps: 2,
    contract: "objective_contract_v1",
    vram_guard_ratio: null,
    amp: null,
    memory_budget_bytes: null,
  };
  return trialOf(plan);
}

async function collect(
  trials: readonly Trial[],
  executor: ReturnType<typeof localExecutor>,
  { limits = none, signal }: { limits?: TrialLimits; signal?: AbortSignal } = {},
): Promise<(TrialEvent | { event: "known" })[]> {
  const store = await openStore(temporaryFolder());
  const events: (TrialEvent | { event: "known" })[] = [];
  const options = { executor, store, limits, ...(signal === undefined ? {} : { signal }) };
  for await (const event of runSweep(trials, options)) events.push(event);
  await store.close();
  return events;
}

function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function pidIn(file: string): Promise<number> {
  for (let tries = 0; tries < 200 && !existsSync(file); tries++) await delay(50);
  return Number(readFileSync(file, "utf8"));
}

const built = existsSync(new URL("../dist/trial-program.js", import.meta.url));
if (!built) console.log("skipped: trials as processes: build @vrx/harness first");

describe.skipIf(!built || process.platform !== "linux")("a trial in a process of its own", () => {
  const hog = `
    const { writeFileSync } = require("node:fs");
    writeFileSync(process.argv[1], String(process.pid));
    const held = [];
    if (process.argv[2] === "grow") setInterval(() => held.push(Buffer.alloc(8e6, 1)), 20);
    else setInterval(() => {}, 1000);
  `;

  it("is ended at its limit on time together with the program it measures, which is in a group of its own", async () => {
    const file = join(temporaryFolder(), "pid");
    const events = await collect([trial([process.execPath, "-e", hog, file, "wait"])], localExecutor(), {
      limits: { time_s: 4, memory_bytes: null },
    });
    expect(events.at(-1)).toMatchObject({
      event: "finished",
      result: { status: "timeout", reasons: [/longer than 4 s/] },
    });
    expect(isThere(await pidIn(file))).toBe(false);
  });

  it("is ended at its limit on memory by what the program holds, and that is a result with the peak", async () => {
    const file = join(temporaryFolder(), "pid");
    const memory_bytes = 600e6;
    const events = await collect([trial([process.execPath, "-e", hog, file, "grow"])], localExecutor(), {
      limits: { time_s: 60, memory_bytes },
    });
    const last = events.at(-1);
    expect(last).toMatchObject({ event: "finished", result: { status: "oom" } });
    if (last?.event !== "finished") throw new Error("expected a result");
    expect(last.result.figures["peak_rss_bytes"]).toBeGreaterThan(memory_bytes);
    expect(isThere(await pidIn(file))).toBe(false);
  });

  it("leaves nothing behind when it is cancelled", async () => {
    const file = join(temporaryFolder(), "pid");
    const stop = new AbortController();
    const running = collect([trial([process.execPath, "-e", hog, file, "wait"])], localExecutor(), {
      signal: stop.signal,
    });
    const pid = await pidIn(file);
    stop.abort();
    expect((await running).map(({ event }) => event)).toEqual(["started", "cancelled"]);
    expect(isThere(pid)).toBe(false);
  });
});

describe("the local executor", () => {
  let active = 0;
  let most = 0;
  const seen = new Map<string, number>();
  const run: AttemptRunner = async ({ device, signal }) => {
    most = Math.max(most, ++active);
    seen.set(device ?? "none", (seen.get(device ?? "none") ?? 0) + 1);
    await delay(30, undefined, { signal }).catch(() => undefined);
    active--;
    if (signal.aborted) return null;
    return {
      status: "passed",
      reasons: [],
      started_utc: "2026-01-01T00:00:00.000Z",
      executor: "",
      gpu_uuid: device,
      simulated: true,
      figures: {},
    };
  };
  const uuid = (name: string): string => `GPU-test-${process.pid}-${name}`;
  const trials = Array.from({ length: 8 }, (_, seed) => trial(["true"], seed));

  it("runs one trial on each GPU at a time, each with that GPU", async () => {
    const events = await collect(trials, localExecutor({ devices: [uuid("a"), uuid("b")], run }));
    const ended = events.filter((event) => event.event === "finished");
    expect(ended).toHaveLength(8);
    expect(most).toBe(2);
    expect([...seen.keys()].sort()).toEqual([uuid("a"), uuid("b")]);
  });

  it("holds a lock on the GPU that other runners of this host wait for", async () => {
    [active, most] = [0, 0];
    const two = [0, 1].map(() => collect(trials.slice(0, 3), localExecutor({ devices: [uuid("shared")], run })));
    await Promise.all(two);
    expect(most).toBe(1);
  });

  it("says of every trial that it was cancelled, also of those that wait for a GPU", async () => {
    const stop = new AbortController();
    const holder = collect(
      trials.slice(0, 1),
      localExecutor({
        devices: [uuid("held")],
        run: async ({ signal }) => {
          await delay(60_000, undefined, { signal }).catch(() => undefined);
          return null;
        },
      }),
      { signal: stop.signal },
    );
    await delay(100);
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 100);
    const events = await collect(trials.slice(0, 3), localExecutor({ devices: [uuid("held")], run }), {
      signal: cancel.signal,
    });
    expect(events.map(({ event }) => event)).toEqual(["cancelled", "cancelled", "cancelled"]);
    stop.abort();
    await holder;
  });

  it("loses a trial whose device cannot be one, and goes on", async () => {
    const events = await collect(trials.slice(0, 2), localExecutor({ devices: ["no uuid"], run }));
    expect(events.map(({ event }) => event)).toEqual(["lost", "lost"]);
  });

  it("lets a place cool down between two trials, and writes down how long it waited for an idle host", async () => {
    const store = await openStore(temporaryFolder());
    const began: number[] = [];
    const timed: AttemptRunner = (given) => {
      began.push(performance.now());
      return run(given);
    };
    const pause = { cooldown_s: 0.3, idle: { busy_ratio: 1, limit_s: 0 } };
    const events = runSweep(trials.slice(0, 2), { executor: localExecutor({ run: timed }), store, ...pause });
    const results: TrialEvent[] = [];
    for await (const event of events) if (event.event === "finished") results.push(event);
    expect(results).toMatchObject([{ result: { figures: { waited_for_idle_s: expect.any(Number) as number } } }, {}]);
    expect(began[1]! - began[0]!).toBeGreaterThanOrEqual(290);
    await store.close();
  });

  it("runs nothing on a host whose GPUs are unfit, and records what else it has seen", async () => {
    const swept = async (status: "unfit" | "degraded" | "no_gpu"): Promise<TrialEvent[]> => {
      const store = await openStore(temporaryFolder());
      const problems = status === "no_gpu" ? [] : ["GPU 0: the PCIe link has 4 of 16 lanes"];
      const executor = localExecutor({ run, look: () => Promise.resolve({ status, problems }) });
      const events: TrialEvent[] = [];
      for await (const event of runSweep(trials.slice(0, 2), { executor, store, preflight: true })) {
        if (event.event === "lost" || event.event === "finished") events.push(event);
      }
      await store.close();
      return events;
    };
    const unfit = { event: "lost", cause: "unfit_host", why: expect.stringContaining("4 of 16 lanes") as string };
    expect(await swept("unfit")).toMatchObject([unfit, unfit]);
    const figures = { preflight: "degraded", preflight_problems: ["GPU 0: the PCIe link has 4 of 16 lanes"] };
    expect(await swept("degraded")).toMatchObject([{ result: { figures } }, { result: { figures } }]);
    expect(await swept("no_gpu")).toMatchObject([{ result: { figures: { preflight: "no_gpu" } } }, {}]);
  });

  it("looks at the GPUs of this host by their driver", async () => {
    const { status, problems } = await preflightNode();
    expect(["fit", "unknown", "degraded", "unfit", "no_gpu"]).toContain(status);
    expect(problems.length === 0).toBe(status === "fit" || status === "no_gpu");
  });
});
