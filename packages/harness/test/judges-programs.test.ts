import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, isJsonObject } from "@vrx/objective-contract";
import { recheckRun } from "@vrx/objective-contract/node";
import { describe, expect, it } from "vitest";
import { commandWorkload } from "../src/command/command-workload.js";
import { type ProbeOptions, type ProbeResult, probe } from "../src/probe.js";
import { fp64Spec, pythonChild } from "./python-child.js";
import { temporaryFolder } from "./temporary-folder.js";

const artifacts = ["env.json", "metrics.csv", "metrics.json", "run_cmd.txt", "samples.jsonl", "summary.md"];

async function measure(behaviour: string, options: ProbeOptions = {}): Promise<ProbeResult> {
  const out = join(temporaryFolder(), "run");
  const result = await probe(pythonChild(behaviour), fp64Spec, { out, warmup_steps: 2, measure_steps: 20, ...options });
  // However the program behaves, the artifacts are all there and agree with each other.
  const files = readdirSync(out).filter((name) => name !== "log.txt");
  expect(files.sort()).toEqual(artifacts);
  const recheck = await recheckRun(out);
  expect(recheck.disagreements).toEqual([]);
  expect(recheck.issues).toEqual([]);
  expect(recheck.recomputed.status).toBe(result.verdict.status);
  return result;
}

const program = (result: ProbeResult): unknown => result.outcome.extras["program"];

const helloOf = (result: ProbeResult): JsonObject => {
  const hello = result.outcome.extras["hello"] ?? null;
  return isJsonObject(hello) ? hello : {};
};

describe("a program that behaves", () => {
  it("passes on its own times and losses", async () => {
    const result = await measure("good");
    expect(result.outcome).toMatchObject({
      status: "completed",
      stop_reason: "measure_steps_reached",
      exception: null,
    });
    expect(result.verdict).toMatchObject({ status: "pass", fail_reasons: [], inconclusive_reasons: [] });
    expect(result.verdict.metrics).toMatchObject({
      measured_steps: 20,
      median_step_time_s: 0.002,
      peak_rss_bytes: 1021,
    });
    expect(result.samples).toHaveLength(22);
    expect(result.outcome).toMatchObject({ step_time_mode: "self_reported", device: { kind: "cpu" } });
    expect(program(result)).toMatchObject({ exit_code: 0, signal: null, stopped_by: null, sample_lines: 23 });
  });

  it("is timed by arrival when it reports no times, and the artifacts say so", async () => {
    const result = await measure("untimed");
    expect(result.outcome.step_time_mode).toBe("arrival");
    expect(result.verdict.metrics.median_step_time_s).toBeGreaterThan(0);
  });

  it("gets the request as variables and the spec as a file", async () => {
    const result = await measure("tells_environment", { seed: 11, heads: 3 });
    const hello = helloOf(result);
    expect(hello).toMatchObject({
      VRX_BATCH_SIZE: "4",
      VRX_EXPERT_HEADS: "3",
      VRX_MEASURE_STEPS: "20",
      VRX_PRECISION: "fp64",
      VRX_PROBE_ID: result.header.probe_id,
      VRX_RING_LEN: "2048",
      VRX_SAMPLES_FD: "3",
      VRX_SEED: "11",
      VRX_SEQ_LEN: "128",
      VRX_WARMUP_STEPS: "2",
      VRX_WORKLOAD_ID: result.header.workload_id,
      stdin: "",
    });
    expect(JSON.parse(hello["spec"] as string)).toMatchObject({ colony_spec: { seq_len: 128 } });
    expect(existsSync(hello["VRX_SPEC_FILE"] as string)).toBe(false);
  });

  it("has its secrets taken out of what is recorded", async () => {
    const out = join(temporaryFolder(), "run");
    const workload = commandWorkload({ argv: ["true", "--token", "abc123", "--epochs", "2"] });
    const { header } = await probe(workload, fp64Spec, { out, measure_steps: 1 });
    expect(header.run_options).toEqual({ argv: ["true", "--token", "[redacted]", "--epochs", "2"] });
  });

  it("does not see other VRX variables of this process", async () => {
    process.env["VRX_SENSORY_RING"] = "0";
    try {
      const result = await measure("tells_environment");
      expect(Object.keys(helloOf(result))).not.toContain("VRX_SENSORY_RING");
    } finally {
      delete process.env["VRX_SENSORY_RING"];
    }
  });
});

describe("a program on a GPU", () => {
  it("passes with the memory it reports, and its facts are those of the environment", async () => {
    const result = await measure("on_a_gpu");
    expect(result.verdict).toMatchObject({ status: "pass", metrics: { peak_vram_reserved_bytes: 900 } });
    const env: unknown = JSON.parse(readFileSync(join(result.dir!, "env.json"), "utf8"));
    expect(env).toMatchObject({ gpu_name: "A card", total_vram_bytes: 1000, torch_version: "9.9", tf32: true });
  });

  it("cannot escape its gates through a device that was described wrongly", async () => {
    const workload = pythonChild("on_a_full_gpu", { device: "cpu" });
    const { outcome, verdict } = await probe(workload, fp64Spec, { warmup_steps: 2, measure_steps: 20 });
    expect(outcome.exception?.message).toMatch(/line 1 of the samples: device: expected cpu, .* found cuda:0/);
    expect(verdict.status).toBe("fail");
  });

  it("fails above the guard ratio", async () => {
    const result = await measure("on_a_full_gpu");
    expect(result.verdict).toMatchObject({ status: "fail", fail_reasons: ["vram_guard"] });
  });
});

describe("evidence that is missing or of something else", () => {
  it("is inconclusive when a program says nothing but that it steps", async () => {
    const result = await measure("says_nothing");
    expect(result.verdict.status).toBe("inconclusive");
    expect(result.verdict.inconclusive_reasons.map(({ code }) => code)).toContain("executed_precision_unknown");
    const silent = result.verdict.gates.filter(({ outcome }) => outcome === "no_evidence").map(({ gate }) => gate);
    expect(silent).toEqual(expect.arrayContaining(["nan_or_inf", "vram_stats_failed", "vram_guard"]));
  });

  it("is invalid when another precision was executed", async () => {
    const result = await measure("other_precision");
    expect(result.verdict.status).toBe("invalid");
    expect(result.verdict.invalid_reasons.map(({ code }) => code)).toContain("precision_not_executed");
  });

  it("is invalid when step times add up to more than has passed", async () => {
    const result = await measure("inflated_times");
    expect(result.verdict.status).toBe("invalid");
    expect(result.verdict.invalid_reasons.map(({ code }) => code)).toContain("timing_inconsistent");
  });
});

describe("a program that breaks the protocol", () => {
  it.each([
    ["garbage", /line 5 of the samples: expected a JSON object/],
    ["endless_line", /line 1 of the samples: expected at most 65536 bytes, found more/],
    ["duplicate_step", /line 5 of the samples: expected step 3, found step 2/],
    ["skips_a_step", /line 5 of the samples: expected step 3, found step 4/],
    ["negative_time", /line 1 of the samples: time_s: expected a number of at least 0, or null, found -1/],
    ["absurd_time", /step 3 of the run: time_s: expected from 0 to the [\d.]+ s since the run began, found 1e\+300/],
    ["second_hello", /line 4 of the samples: expected hello in the first line only/],
  ])("is stopped at once: %s", async (behaviour, message) => {
    const result = await measure(behaviour);
    expect(result.outcome).toMatchObject({ status: "failed", stop_reason: "bad_sample" });
    expect(result.outcome.exception?.message).toMatch(message);
    expect(result.verdict).toMatchObject({ status: "fail", fail_reasons: ["runtime_exception"] });
  });

  it("is stopped after its last measured step when it floods", async () => {
    const result = await measure("flood");
    expect(result.outcome.stop_reason).toBe("measure_steps_reached");
    expect(result.samples).toHaveLength(22);
    expect(program(result)).toMatchObject({ stopped_by: "SIGTERM" });
  });

  it("is judged by its measured steps when it goes on after them", async () => {
    const result = await measure("late_flood");
    expect(result.verdict.status).toBe("pass");
    expect(program(result)).toMatchObject({ stopped_by: "SIGTERM" });
  });
});

describe("a program that ends", () => {
  it.each([
    ["killed", "child_killed", ["runtime_exception"], /was ended by SIGKILL, and wrote nothing to stderr/],
    ["killed_later", "child_killed", ["runtime_exception"], /was ended by SIGKILL/],
    ["torn_line", "child_killed", ["runtime_exception"], /was ended by SIGKILL/],
    ["fails", "child_exit", ["runtime_exception"], /exited with code 7: RuntimeError: the data is not there/],
    ["fails_after", "child_exit", ["runtime_exception"], /exited with code 3: AssertionError: the model is empty/],
    ["out_of_memory", "child_exit", ["runtime_exception", "oom"], /CUDA out of memory. Tried to allocate/],
    ["memory_error", "child_exit", ["runtime_exception", "oom"], /MemoryError \(out of memory\)/],
  ])("badly fails: %s", async (behaviour, stop_reason, fail_reasons, message) => {
    const result = await measure(behaviour);
    expect(result.outcome).toMatchObject({ status: "failed", stop_reason });
    expect(result.outcome.exception?.message).toMatch(message);
    expect(result.verdict).toMatchObject({ status: "fail", fail_reasons });
  });

  it.each(["silent_exit", "early_exit", "closes_fd"])("too early, fails: %s", async (behaviour) => {
    const result = await measure(behaviour);
    expect(result.outcome).toMatchObject({ status: "failed", stop_reason: "too_few_samples", exception: null });
    expect(result.verdict).toMatchObject({ status: "fail", fail_reasons: ["timing_missing"] });
  });

  it("does not wait for a process that left its group with the pipes open", async () => {
    const result = await measure("lets_one_escape");
    expect(result.verdict.status).toBe("pass");
    // It is still there, so nobody has waited for its end.
    process.kill(helloOf(result)["escaped"] as number, "SIGKILL");
  });

  it("leaves its own stop out of the verdict when it has to be killed", async () => {
    const result = await measure("ignores_sigterm", {});
    expect(program(result)).toMatchObject({ signal: "SIGKILL", stopped_by: "SIGTERM" });
    expect(result.verdict.status).toBe("pass");
  });

  it("keeps the end of what it wrote to stderr", async () => {
    const result = await measure("huge_stderr");
    expect(program(result)).toMatchObject({ stderr_bytes: 22 * 1_000_000 + "the very end\n".length });
    const log = readFileSync(join(result.dir!, "log.txt"), "utf8");
    expect(log).toHaveLength(65_536);
    expect(log.endsWith("the very end\n")).toBe(true);
  });
});

describe("a run that does not go on", () => {
  it("stops at a loss that is not finite, in the warm-up too", async () => {
    const result = await measure("nan_warmup");
    expect(result.outcome).toMatchObject({ status: "failed", stop_reason: "nan_or_inf" });
    expect(result.verdict.fail_reasons).toEqual(["nan_or_inf", "timing_missing"]);
    expect(result.samples).toHaveLength(1);
    expect(result.verdict.metrics).toMatchObject({ had_nan: true, had_inf: false });
  });

  it("is stalled when a program never says anything", async () => {
    const result = await measure("silent", { heartbeat: { set_up_limit_s: 0.5, floor_s: 0.5 } });
    expect(result.outcome).toMatchObject({ status: "stalled", stall: { phase: "set_up", threshold_s: 0.5 } });
    expect(result.verdict.fail_reasons).toContain("heartbeat_stall");
  });

  it("is stalled when a program falls silent", async () => {
    const result = await measure("silent_after_a_while", { heartbeat: { floor_s: 0.5 } });
    expect(result.outcome).toMatchObject({ status: "stalled", stall: { phase: "measure" } });
    expect(result.samples).toHaveLength(3);
  });

  it("is stalled when a program is stopped, which only SIGKILL ends", async () => {
    const result = await measure("stops_itself", { heartbeat: { floor_s: 0.5 } });
    expect(result.outcome).toMatchObject({ status: "stalled", stall: { phase: "measure" } });
  });

  it("keeps what it has when it is interrupted", async () => {
    const controller = new AbortController();
    const result = await measure("silent_after_a_while", {
      signal: controller.signal,
      onProgress: ({ phase }) => {
        if (phase === "measure") controller.abort();
      },
    });
    expect(result.outcome).toMatchObject({ status: "interrupted", stop_reason: "interrupted" });
    expect(result.verdict.status).toBe("inconclusive");
    expect(result.samples.length).toBeGreaterThan(0);
  });
});
