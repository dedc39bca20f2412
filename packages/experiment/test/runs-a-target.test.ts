import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseManifest, planManifest } from "@vrx/manifest";
import { recheckRun } from "@vrx/objective-contract/node";
import { afterAll, describe, expect, it } from "vitest";
import { runTarget } from "../src/run/run-target.js";
import type { TargetEvent } from "../src/run/target-context.js";
import { reproduce } from "../src/run/reproduce.js";
import { smallExperiment } from "./support/experiments.js";

const root = mkdtempSync(join(tmpdir(), "vrx-experiment-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("an experiment from its data to its tables", () => {
  const verify = { type: "fidelity", batches: 2, max_delta_nll: 0.1 };
  const benchmarks = [
    {
      id: "ppl",
      config: { type: "perplexity", dataset: "data/t.npy", block_size: 16, stride: 8 },
      models: ["student"],
    },
    {
      id: "speed",
      config: {
        type: "latency",
        prompt_lengths: [4, 8],
        generation_lengths: [4],
        batch_sizes: [1],
        warmup_runs: 1,
        timed_runs: 2,
      },
      models: ["student"],
    },
    { id: "mem", config: { type: "memory", sequence_lengths: [32, 64], batch_sizes: [1] }, models: ["student"] },
  ];
  const small = smallExperiment({ verify, benchmarks, steps: 12 });

  it("leaves the directory that says what ran and what came out, and can be reproduced", async () => {
    const events: TargetEvent[] = [];
    const report = await runTarget(small.manifest, small.target, { root, onEvent: (event) => events.push(event) });
    expect(report.failures).toEqual([]);
    expect(report.status).toBe("completed");
    expect(readdirSync(report.dir)).toEqual(
      expect.arrayContaining([
        "manifest.json",
        "experiment.json",
        "report.json",
        "perplexity.csv",
        "latency.csv",
        "latency_vs_context.png",
        "latency_vs_context.svg",
        "memory.csv",
        "memory_scaling.png",
        "tables.tex",
        "verify_r.json",
      ]),
    );
    // Every file that the plan tells of is there.
    const [planned] = planManifest(parseManifest(small.text)).targets;
    if (planned?.type !== "experiment") throw new Error("no experiment");
    const promised = [...planned.runs, ...planned.benchmarks].flatMap(({ artifacts }) => artifacts);
    expect(promised.length).toBeGreaterThan(8);
    const places = [report.dir, join(report.dir, "runs/r"), join(root, "runs/small/t")];
    expect(promised.filter((name) => !places.some((place) => existsSync(join(place, name))))).toEqual([]);
    const lines = readFileSync(join(report.dir, "runs/r/train.jsonl"), "utf8").trim().split("\n");
    const types = lines.map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types[0]).toBe("begin");
    expect(types).toEqual(expect.arrayContaining(["metrics", "validation", "checkpoint", "end"]));
    const [run] = report.runs;
    expect(run!.reference!.ratio_to_floor).toBeGreaterThan(1);
    expect(run!.verification!.checks[0]!.passed).toBe(true);
    expect(events.filter(({ kind }) => kind === "step")).toHaveLength(12);

    const recheck = await recheckRun(join(report.dir, "runs/r/record"));
    expect(recheck.disagreements).toEqual([]);

    const again = await reproduce(report.dir, { root });
    expect(again.status).toBe("agrees");
    expect(again.differences).toEqual([]);
  });

  it("fails, and says which, when an expectation or a benchmark is missed", async () => {
    const { manifest, target } = smallExperiment({
      expected: { loss: { max: 0.001 }, phase: "standard" },
      steps: 2,
      name: "missed",
    });
    const report = await runTarget(manifest, target, { root });
    expect(report.status).toBe("failed");
    expect(report.failures).toEqual([expect.stringContaining("expected loss")]);

    const other = smallExperiment({
      benchmarks: [{ id: "ppl", config: { type: "perplexity", dataset: "data/none.npy" }, models: ["student"] }],
      steps: 2,
      name: "unmeasured",
    });
    const failed = await runTarget(other.manifest, other.target, { root });
    expect(failed.failures).toEqual([expect.stringContaining("data/none.npy")]);
  });

  it("keeps what is done when it is interrupted, and goes on from there", async () => {
    const { manifest, target } = smallExperiment({ steps: 8, name: "interrupted" });
    const stop = new AbortController();
    const onEvent = (event: TargetEvent) => {
      if (event.kind === "step" && event.step === 3) stop.abort();
    };
    const first = await runTarget(manifest, target, { root, signal: stop.signal, onEvent });
    expect(first.status).toBe("interrupted");
    expect(existsSync(join(root, "runs/interrupted/t/r_standard_step3.safetensors"))).toBe(true);
    const second = await runTarget(manifest, target, { root });
    expect(second.runs[0]!.resumed_from).toBe(3);
    const whole = await runTarget(manifest, target, { root, checkpoint_dir: join(root, "elsewhere") });
    expect(whole.runs[0]!.resumed_from).toBeNull();
    expect(second.runs[0]!.weights_sha256).toBe(whole.runs[0]!.weights_sha256);
  });

  it("keeps a run that is done while a later one goes on, and repeats it where the manifest says so", async () => {
    const twoRuns = (skip_if_final: boolean) => {
      const { manifest, target } = smallExperiment({
        steps: 6,
        name: `two_${skip_if_final}`,
        train: { skip_if_final },
      });
      const [run] = target.runs;
      const both = { ...target, runs: [run!, { ...run!, id: "second" }] };
      return { target: both, manifest: { ...manifest, targets: [both] } };
    };
    for (const skip of [true, false]) {
      const { manifest, target } = twoRuns(skip);
      const whole = await runTarget(manifest, target, { root, checkpoint_dir: join(root, `whole_${skip}`) });
      const stop = new AbortController();
      const onEvent = (event: TargetEvent) => {
        if (event.kind === "step" && event.run_id === "second" && event.step === 2) stop.abort();
      };
      const first = await runTarget(manifest, target, { root, signal: stop.signal, onEvent });
      expect(first.runs.map(({ stop_reason }) => stop_reason)).toEqual(["steps", "interrupted"]);
      const trained: string[] = [];
      const again = await runTarget(manifest, target, {
        root,
        onEvent: (event) => event.kind === "step" && trained.push(event.run_id),
      });
      expect(again.status).toBe("completed");
      expect(trained.filter((id) => id === "r")).toHaveLength(skip ? 0 : 6);
      expect(trained.filter((id) => id === "second")).toHaveLength(4);
      for (const key of ["train", "validation", "weights_sha256", "stop_reason", "steps"] as const) {
        expect(again.runs.map((run) => run[key])).toEqual(whole.runs.map((run) => run[key]));
      }
      expect(again.runs[0]!.contract_verdict === "not_repeated").toBe(skip);
      // What is done is done: with nothing on its way, everything is run.
      const fresh: string[] = [];
      await runTarget(manifest, target, {
        root,
        onEvent: (event) => event.kind === "step" && fresh.push(event.run_id),
      });
      expect(fresh).toHaveLength(12);
    }
  });
});
