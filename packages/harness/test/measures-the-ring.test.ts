import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { RunRecord } from "@vrx/objective-contract";
import { recheckRun } from "@vrx/objective-contract/node";
import { createEngine } from "@vrx/ring-engine";
import { type WorkloadSpec, presets } from "@vrx/workload-schema";
import { describe, expect, it } from "vitest";
import { isHarnessError } from "../src/errors.js";
import { planProbe, probe } from "../src/probe.js";
import { ringProcess } from "../src/ring/ring-process.js";
import { ringWorkload } from "../src/ring/ring-workload.js";
import { temporaryFolder } from "./temporary-folder.js";

const tiny: WorkloadSpec = {
  schema_version: "workload_schema_v1",
  ant_spec: { ring_len: 24, slot_dim: 12, ptr_dtype: "fp64", precision: "fp64" },
  colony_spec: { seq_len: 6, synth_len: 6, batch_size: 2, ptr_update_every: 1, state_loop_samples: 0 },
};
const steps = { warmup_steps: 2, measure_steps: 20 };
const losses = ({ samples }: RunRecord): (number | null)[] => samples.map(({ loss }) => loss);
const reference = await createEngine("reference");

describe("the ring", () => {
  it("is measured, judged and written down with its identity and its memory", async () => {
    const out = join(temporaryFolder(), "run");
    const result = await probe(ringWorkload(reference), tiny, { ...steps, out, heads: 2, seed: 3 });
    expect(result.samples).toHaveLength(22);
    expect(result.header).toMatchObject({
      engine: "reference",
      threads: 1,
      seed: 3,
      out_dim: 2,
      device: { kind: "cpu" },
    });
    expect(result.header.probe_id).toBe(`${result.header.workload_id}__E2__fp64_amp0`);
    expect(result.header.run_options["ring_options"]).toMatchObject({ expert_heads: 2, sensory_ring: true });
    expect(result.outcome.executed).toEqual({ precision: "fp64", amp: false });
    expect(result.outcome.extras["memory"]).toMatchObject({
      predicted_bytes: expect.any(Number) as number,
      held_bytes: expect.any(Number) as number,
      held_error: expect.any(Number) as number,
      rss_growth_error: expect.anything() as number,
    });
    const recheck = await recheckRun(out);
    expect(recheck).toMatchObject({ disagreements: [], issues: [], recomputed: { status: result.verdict.status } });
  });

  it.each(["reference", "auto"] as const)("repeats its losses bit for bit on the %s engine", async (kind) => {
    const engine = await createEngine(kind);
    const first = await probe(ringWorkload(engine), tiny, { ...steps, seed: 7 });
    const again = await probe(ringWorkload(engine), tiny, { ...steps, seed: 7 });
    const other = await probe(ringWorkload(engine), tiny, { ...steps, seed: 8 });
    expect(losses(again)).toEqual(losses(first));
    expect(losses(other)).not.toEqual(losses(first));
    expect(new Set(losses(first)).size).toBeGreaterThan(1);
  });

  it("is the same run in a process of its own", async () => {
    const here = await probe(ringWorkload(reference), tiny, { ...steps, seed: 7, heads: 2 });
    const there = await probe(ringProcess(reference), tiny, { ...steps, seed: 7, heads: 2 });
    expect(losses(there)).toEqual(losses(here));
    expect(there.header.run_options_digest).toBe(here.header.run_options_digest);
    expect(there.outcome).toMatchObject({ status: "completed", executed: here.outcome.executed });
    expect(there.outcome.extras["memory"]).toMatchObject({ held_bytes: expect.any(Number) as number });
  });

  it.skipIf(process.platform !== "linux")("ends with a verdict when its process is killed", async () => {
    const result = await probe(ringProcess(reference), tiny, {
      ...steps,
      measure_steps: 100_000,
      onProgress: ({ phase }) => {
        if (phase === "measure") killChildren();
      },
    });
    expect(result.outcome).toMatchObject({ status: "failed", stop_reason: "child_killed" });
    expect(result.verdict.status).toBe("fail");
    expect(result.verdict.fail_reasons).toContain("runtime_exception");
    expect(result.samples.length).toBeGreaterThan(2);
  });

  it("stops at the first loss that is not finite", async () => {
    const workload = ringWorkload(reference, { learning_rate: Number.MAX_VALUE });
    const result = await probe(workload, tiny, { warmup_steps: 5, measure_steps: 20 });
    expect(result.outcome).toMatchObject({ status: "failed", stop_reason: "nan_or_inf" });
    expect(result.verdict.fail_reasons).toContain("nan_or_inf");
    expect(result.samples.length).toBeLessThan(25);
    expect(losses(result).slice(0, -1).every(Number.isFinite)).toBe(true);
  });

  it("refuses what the engine cannot execute before anything is written", async () => {
    const out = join(temporaryFolder(), "run");
    const refused = await probe(ringWorkload(reference), presets.od1_small, { ...steps, out }).catch((e: unknown) => e);
    expect(isHarnessError(refused) && refused.code).toBe("unsupported");
    expect(refused).toMatchObject({ message: expect.stringContaining("the cpu and the cuda engines do") as string });
    expect(existsSync(out)).toBe(false);
  });

  it("fails as out of memory when it does not fit, with what was predicted", async () => {
    const huge = { ...tiny, ant_spec: { ...tiny.ant_spec, ring_len: 2 ** 30, slot_dim: 4096 } };
    const result = await probe(ringWorkload(reference), huge, steps);
    expect(result.verdict.fail_reasons).toEqual(["runtime_exception", "oom"]);
    expect(result.outcome.extras["memory"]).toMatchObject({ held_bytes: null });
  });

  it("is described without being run", async () => {
    const plan = await planProbe(ringWorkload(reference), tiny, { ...steps, heads: 3 });
    expect(plan.header).toMatchObject({ out_dim: 3, engine: "reference", warmup_steps: 2 });
    expect(plan.description.extras?.["memory"]).toMatchObject({ predicted_bytes: expect.any(Number) as number });
  });
});

/** Kills the processes that this one has started, as the kernel does when memory runs out. */
function killChildren(): void {
  const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && parentOf(name) === process.pid);
  for (const child of children) process.kill(Number(child), "SIGKILL");
}

function parentOf(pid: string): number {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")[1],
    );
  } catch {
    return 0;
  }
}
