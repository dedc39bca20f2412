import {
  OBJECTIVE_V1,
  type RunRecord,
  defineContract,
  defineGate,
  gateResult,
  runOutcome,
} from "@vrx/objective-contract";
import { MAX_SAMPLES, completeRun, openRun, readRun, recheckRun } from "@vrx/objective-contract/node";
import fc from "fast-check";
import { appendFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { completed, envOf, folder, headerOf, recordOf, samplesOf } from "./support/runs.js";

async function runOf(run: RunRecord = recordOf()): Promise<string> {
  const dir = folder();
  const writer = await openRun(dir, run.header, { env: run.env });
  for (const sample of run.samples) writer.append(sample);
  await writer.finish(run.outcome);
  return dir;
}

function edit(dir: string, name: string, change: (text: string) => string): void {
  const path = join(dir, name);
  const before = readFileSync(path, "utf8");
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(path, after);
}

const fieldsOf = (found: Awaited<ReturnType<typeof recheckRun>>): string[] =>
  found.disagreements.map(({ artifact, field }) => `${artifact} ${field}`);

describe("a directory that was not touched", () => {
  it("has no disagreement, and the verdict it recorded", async () => {
    const found = await recheckRun(await runOf());
    expect(found).toMatchObject({
      form: "full",
      recorded: { status: "pass", stability_pass: true, fail_reasons: [] },
      disagreements: [],
      issues: [],
      verdict: { status: "pass" },
    });
    expect(found.verdict).toEqual(found.recomputed);
  });
});

describe("times beyond what a figure can hold", () => {
  it.each([
    ["too short for a throughput", 1e-320],
    ["too long for a wall time", 1.7e308],
    ["too long for the watchdog", 1.5e9],
    ["beyond the watchdog's clock", 1e300],
  ])("%s are judged and recorded", async (_what, time_s) => {
    const { samples } = recordOf();
    const header = headerOf({ warmup_steps: 0, measure_steps: samples.length });
    const absurd = samples.map((sample, step) => ({
      ...sample,
      step,
      phase: "measure" as const,
      time_s,
      end_s: step === 0 ? 0 : time_s,
    }));
    const found = await recheckRun(await runOf(recordOf({ header, samples: absurd })));
    expect(found).toMatchObject({ form: "full", disagreements: [], issues: [] });
    expect(found.verdict.status).not.toBe("pass");
  });
});

describe("edits that are found", () => {
  it.each([
    [
      "metrics.json",
      '"throughput_samples_per_s": ',
      '"throughput_samples_per_s": 1',
      "metrics.json throughput_samples_per_s",
    ],
    ["metrics.json", '"median_step_time_s": ', '"median_step_time_s": 1', "metrics.json median_step_time_s"],
    ["metrics.json", '"verdict": "pass"', '"verdict": "fail"', "metrics.json verdict"],
    ["metrics.json", '"out_dim": 1', '"out_dim": 1, "extra": 2', "metrics.json extra"],
    ["metrics.json", '"seq_len": 128,', "", "metrics.json seq_len"],
    ["metrics.csv", ",True,", ",False,", "metrics.csv stability_pass"],
    ["summary.md", "| status | PASS |", "| status | FAIL |", "summary.md status"],
    ["summary.md", "# PASS: ", "# FAIL: ", "summary.md title"],
    [
      "summary.md",
      "| throughput_tokens_per_s | ",
      "| throughput_tokens_per_s | 1",
      "summary.md throughput_tokens_per_s",
    ],
    ["summary.md", "| oom | pass |", "| oom | fail |", "summary.md oom"],
    ["summary.md", "| out_dim | 1 |\n", "", "summary.md out_dim"],
    ["summary.md", "| out_dim | 1 |", "| out_dim | 1 |\n| out_dim | 2 |", "summary.md out_dim"],
    ["samples.jsonl", '"loss":5', '"loss":4', "metrics.json artifacts"],
    ["env.json", '"cpu_count": 2', '"cpu_count": 9', "metrics.json artifacts"],
    ["run_cmd.txt", '"seed": 7', '"seed": 8', "metrics.json seed"],
  ])("in %s: %s", async (name, from, to, field) => {
    const dir = await runOf();
    edit(dir, name, (text) => text.replace(from, to));
    const found = await recheckRun(dir);
    expect(fieldsOf(found)).toContain(field);
    expect(found.verdict).toMatchObject({ status: "invalid", stability_pass: false });
    expect(found.verdict.invalid_reasons[0]?.code).toBe("artifacts_disagree");
  });

  it("but not what somebody has added to the summary", async () => {
    const dir = await runOf();
    edit(dir, "summary.md", (text) => `${text}\nThe fan was loud.\n`);
    expect((await recheckRun(dir)).disagreements).toEqual([]);
  });

  it.each([
    ["executed", null, "env.json executed_precision"],
    ["device", { kind: "cuda", name: "cuda:0", simulated: false }, "env.json executed_device"],
    ["step_time_mode", "cuda_events", "env.json executed_step_time_mode"],
  ])("of how the run was executed, in %s", async (key, value, field) => {
    const dir = await runOf();
    edit(dir, "metrics.json", (text) => {
      const metrics = JSON.parse(text) as { outcome: Record<string, unknown> };
      metrics.outcome[key] = value;
      return JSON.stringify(metrics);
    });
    expect(fieldsOf(await recheckRun(dir))).toContain(field);
  });

  it("of an executed precision that nobody ever told", async () => {
    const dir = await runOf(recordOf({ outcome: runOutcome({ ...completed, executed: null }) }));
    edit(dir, "metrics.json", (text) =>
      text.replace('"executed": null', '"executed": {"amp": false, "precision": "fp32"}'),
    );
    expect(fieldsOf(await recheckRun(dir))).toContain("env.json executed_precision");
  });

  it("of step times, in every figure that follows from them", async () => {
    const dir = await runOf();
    edit(dir, "samples.jsonl", (text) => text.replaceAll('"time_s":0.1,', '"time_s":0.05,'));
    expect(fieldsOf(await recheckRun(dir))).toEqual(
      expect.arrayContaining([
        "metrics.json median_step_time_s",
        "metrics.csv median_step_time_s",
        "metrics.json artifacts",
      ]),
    );
  });

  it("of a failure into a pass, which stays a failure", async () => {
    const samples = samplesOf([0.1, 0.1], [...Array.from({ length: 17 }, () => 0.1), 1, 1, 1]);
    const dir = await runOf(recordOf({ samples }));
    edit(dir, "metrics.json", (text) =>
      text
        .replace('"verdict": "fail"', '"verdict": "pass"')
        .replace('"stability_pass": false', '"stability_pass": true'),
    );
    const found = await recheckRun(dir);
    expect(found).toMatchObject({
      recorded: { status: "pass" },
      verdict: { status: "fail", fail_reasons: ["step_time_explosion"] },
    });
    expect(fieldsOf(found)).toEqual(["metrics.json stability_pass", "metrics.json verdict"]);
  });

  it("by deleting the last samples", async () => {
    const dir = await runOf();
    edit(dir, "samples.jsonl", (text) => `${text.trimEnd().split("\n").slice(0, -2).join("\n")}\n`);
    const found = await recheckRun(dir);
    expect(found.recomputed).toMatchObject({ status: "fail", fail_reasons: ["timing_missing"] });
    expect(fieldsOf(found)).toContain("metrics.json throughput_tokens_per_s");
  });

  it.each([
    ["deleting one in the middle", (lines: string[]) => lines.toSpliced(7, 1)],
    ["exchanging two", (lines: string[]) => lines.with(7, lines[8]!).with(8, lines[7]!)],
    ["repeating one", (lines: string[]) => lines.toSpliced(7, 0, lines[7]!)],
  ])("by %s of the samples", async (_what, change) => {
    const dir = await runOf();
    edit(dir, "samples.jsonl", (text) => `${change(text.trimEnd().split("\n")).join("\n")}\n`);
    const found = await recheckRun(dir);
    expect(found.verdict.stability_pass).toBe(false);
    expect(found.verdict.invalid_reasons.map(({ code }) => code)).toContain("samples_out_of_order");
  });
});

describe("artifacts that cannot be used", () => {
  it.each([
    ["run_cmd.txt", '"ring_len": 2048', '"ring_len": 4096', "run_cmd.txt", "workload_mismatch", "/workload_digest"],
    ["run_cmd.txt", '"precision": "fp32",', '"precision": "fp99",', "run_cmd.txt", "bad_field", null],
    ["run_cmd.txt", '"amp"', '"__proto__": {"x": 1}, "amp"', "run_cmd.txt", "bad_field", "/__proto__"],
    ["run_cmd.txt", "{", "[", "run_cmd.txt", "not_json", null],
    ["env.json", '"cpu_count": 2', '"cpu_count": "2"', "env.json", "bad_field", "/cpu_count"],
    ["env.json", '"amp": 0', '"amp": 0, "constructor": null', "env.json", "bad_field", "/constructor"],
    ["metrics.json", '"status": "completed"', '"status": "fine"', "metrics.json", "bad_field", "/outcome/status"],
    ["samples.jsonl", '"step":1,', '"step":1.5,', "samples.jsonl", "bad_line", "/step"],
    ["samples.jsonl", '"loss":5', '"loss":"five"', "samples.jsonl", "bad_line", "/loss"],
    ["samples.jsonl", '"loss":5', '"loss":5,"__proto__":1', "samples.jsonl", "bad_line", "/__proto__"],
    ["samples.jsonl", "\n", "\n\n", "samples.jsonl", "bad_line", null],
    ["samples.jsonl", "\n", "\u0000\u0001\n", "samples.jsonl", "bad_line", null],
    ["samples.jsonl", "\n", `${"[".repeat(60_000)}\n`, "samples.jsonl", "bad_line", null],
    ["samples.jsonl", "\n", `${" ".repeat(70_000)}\n`, "samples.jsonl", "line_too_long", null],
    ["samples.jsonl", /"[\da-f]{64}"/, `"${"0".repeat(64)}"`, "samples.jsonl", "workload_mismatch", "/workload_digest"],
  ] as const)("%s with %s as %.30s", async (name, from, to, artifact, code, field) => {
    const dir = await runOf();
    edit(dir, name, (text) => text.replace(from, to));
    const found = await recheckRun(dir);
    expect(found.form).toBe("unusable");
    expect(found.verdict).toMatchObject({ status: "invalid", stability_pass: false, fail_reasons: [] });
    expect(found.verdict.invalid_reasons[0]?.code).toBe("artifacts_unusable");
    expect(found.issues[0]).toMatchObject({ artifact, code });
    if (field !== null) expect(found.issues.map((issue) => issue.field)).toContain(field);
    if (artifact === "samples.jsonl") expect(found.issues[0]!.line).toBeGreaterThan(0);
    expect((await readRun(dir)).status).toBe("invalid");
  });

  it.each(["run_cmd.txt", "env.json", "samples.jsonl", "metrics.json", "metrics.csv", "summary.md"])(
    "without %s, and with a folder in its place",
    async (name) => {
      const dir = await runOf();
      rmSync(join(dir, name));
      expect(await recheckRun(dir)).toMatchObject({ form: "unusable", verdict: { status: "invalid" } });
      mkdirSync(join(dir, name));
      const found = await recheckRun(dir);
      expect(found.verdict.status).toBe("invalid");
      expect(found.issues[0]).toMatchObject({ artifact: name, code: "unreadable" });
    },
  );

  it("is a folder that is not there, and says how an unfinished run is finished", async () => {
    expect((await recheckRun(join(folder(), "nowhere"))).verdict.status).toBe("invalid");
    const dir = folder();
    const writer = await openRun(dir, headerOf({ heartbeat: null }), { env: envOf() });
    const read = await readRun(dir);
    expect(read.status === "invalid" && read.issues.map(({ message }) => message).join()).toContain("completeRun");
    await writer.finish({ status: "interrupted", stop_reason: "test" });
  });

  it("are random bytes", async () => {
    const dir = await runOf();
    for (const name of ["run_cmd.txt", "env.json", "samples.jsonl", "metrics.json"]) {
      const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251);
      const path = join(dir, name);
      const before = readFileSync(path);
      writeFileSync(path, bytes);
      expect((await recheckRun(dir)).verdict.status).toBe("invalid");
      writeFileSync(path, before);
    }
    expect((await recheckRun(dir)).verdict.status).toBe("pass");
  });

  it("are a gigabyte without a line, of which hardly anything is read", async () => {
    const dir = await runOf();
    truncateSync(join(dir, "samples.jsonl"), 2 ** 30);
    for (const name of ["samples.jsonl", "env.json"]) {
      truncateSync(join(dir, name), 2 ** 30);
      const found = await recheckRun(dir);
      expect(found.issues[0]?.code).toBe(name === "env.json" ? "too_large" : "line_too_long");
      expect(found.verdict.status).toBe("invalid");
    }
  });

  it("are more samples than the announced limit, where reading stops", async () => {
    const dir = await runOf();
    const line = `${readFileSync(join(dir, "samples.jsonl"), "utf8").split("\n")[5]!}\n`;
    for (let lines = 0; lines <= MAX_SAMPLES; lines += 10_000)
      appendFileSync(join(dir, "samples.jsonl"), line.repeat(10_000));
    const found = await recheckRun(dir);
    expect(found.issues).toMatchObject([{ artifact: "samples.jsonl", code: "too_many_samples" }]);
    expect(found.verdict.status).toBe("invalid");
  });
});

describe("any damage", () => {
  it("is survived, and a pass does not survive damage to the evidence", async () => {
    const dir = await runOf();
    const names = ["run_cmd.txt", "env.json", "samples.jsonl", "metrics.json", "metrics.csv", "summary.md"] as const;
    const damage = fc.record({
      name: fc.constantFrom(...names),
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      remove: fc.integer({ min: 0, max: 40 }),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 12 }),
        fc.constantFrom(
          ...["}", "{", "null", "1e999", ',"__proto__":{}', "\n"].map((text) => new TextEncoder().encode(text)),
        ),
      ),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ name, at, remove, insert }) => {
        const path = join(dir, name);
        const before = readFileSync(path);
        const from = Math.floor(at * before.length);
        const after = Buffer.concat([before.subarray(0, from), insert, before.subarray(from + remove)]);
        writeFileSync(path, after);
        const found = await recheckRun(dir);
        await readRun(dir);
        writeFileSync(path, before);
        if (names.indexOf(name) < 3 && !after.equals(before)) expect(found.verdict.stability_pass).toBe(false);
        if (found.verdict.stability_pass) expect(found.disagreements).toEqual([]);
      }),
      { numRuns: 400 },
    );
    expect((await recheckRun(dir)).verdict.status).toBe("pass");
  });
});

describe("a run that was cut off", () => {
  it("loses only the line that was torn, and says so", async () => {
    const dir = folder();
    const run = recordOf();
    const writer = await openRun(dir, { ...run.header, heartbeat: null }, { env: run.env });
    for (const sample of run.samples.slice(0, 5)) writer.append(sample);
    appendFileSync(join(dir, "samples.jsonl"), '{"workload_dig');
    const { record } = await completeRun(dir, { status: "interrupted", stop_reason: "killed" });
    expect(record.samples).toHaveLength(5);
    expect(await readRun(dir)).toMatchObject({ status: "ok", torn_last_line: true });
    expect(await recheckRun(dir)).toMatchObject({
      disagreements: [],
      torn_last_line: true,
      verdict: { status: "inconclusive" },
    });
  });
});

describe("a contract of one's own", () => {
  const long = defineGate({
    name: "long_enough",
    rule: "At least 20 steps.",
    evaluate: (_, m) => gateResult(m.measured_steps < 20 ? "fail" : "pass", "steps"),
  });
  const ours = defineContract({
    ...OBJECTIVE_V1,
    name: "ours_v1",
    page: "docs/ours.md",
    gates: [...OBJECTIVE_V1.gates, long],
  });

  it("is judged and judged again", async () => {
    const dir = folder();
    const run = recordOf({ header: headerOf({ contract: ours }) });
    const writer = await openRun(dir, run.header, { env: run.env, contracts: [ours] });
    for (const sample of run.samples) writer.append(sample);
    const { verdict } = await writer.finish(completed);
    expect(verdict).toMatchObject({ status: "pass", contract: "ours_v1" });
    expect(await recheckRun(dir, { contracts: [ours] })).toMatchObject({
      disagreements: [],
      verdict: { status: "pass" },
    });
  });

  it("leaves no evidence where its gates are not known", async () => {
    const dir = folder();
    const run = recordOf({ header: headerOf({ contract: ours }) });
    const writer = await openRun(dir, run.header, { env: run.env });
    for (const sample of run.samples) writer.append(sample);
    const { verdict } = await writer.finish(completed);
    expect(verdict.status).toBe("inconclusive");
    expect(verdict.gates.at(-1)).toMatchObject({ gate: "long_enough", outcome: "no_evidence" });
  });
});

describe("a directory that kept no samples", () => {
  const metrics = {
    batch_size: 4,
    seq_len: 8,
    warmup_steps: 1,
    measure_steps: 30,
    measure_wall_time_s: 3,
    median_step_time_s: 0.1,
    p95_step_time_s: 0.11,
    throughput_samples_per_s: 40,
    throughput_tokens_per_s: 320,
    peak_vram_reserved_bytes: null,
    peak_vram_allocated_bytes: null,
    had_oom: false,
    had_nan: false,
    had_inf: false,
    stability_pass: true,
    fail_reasons: [] as string[],
  };
  const dirOf = (changes: object = {}, env: object = { total_vram_bytes: 1000 }): string => {
    const dir = folder();
    writeFileSync(join(dir, "metrics.json"), JSON.stringify({ ...metrics, ...changes }));
    writeFileSync(join(dir, "env.json"), JSON.stringify(env));
    return dir;
  };

  it("is inconclusive at best, since nothing can be computed again", async () => {
    const found = await recheckRun(dirOf());
    expect(found).toMatchObject({
      form: "metrics_only",
      disagreements: [],
      verdict: { status: "inconclusive", stability_pass: false },
    });
    expect(found.verdict.inconclusive_reasons[0]?.code).toBe("samples_missing");
  });

  it.each([
    [{ had_nan: true }, ["nan_or_inf"]],
    [{ p95_step_time_s: 0.26 }, ["step_time_explosion"]],
    [{ peak_vram_reserved_bytes: 921 }, ["vram_guard"]],
    [{ heartbeat_stall_detected: true }, ["heartbeat_stall"]],
    [{ runtime_exception_msg: "RuntimeError: CUDA out of memory" }, ["runtime_exception", "oom"]],
  ])("fails for %j, which it should have recorded", async (changes, reasons) => {
    const hidden = await recheckRun(dirOf(changes));
    expect(hidden.verdict).toMatchObject({ status: "fail", fail_reasons: reasons });
    expect(hidden.disagreements).not.toEqual([]);
    const honest = await recheckRun(dirOf({ ...changes, stability_pass: false, fail_reasons: reasons }));
    expect(honest).toMatchObject({ disagreements: [], verdict: { status: "fail", fail_reasons: reasons } });
  });

  it.each([
    [{ throughput_samples_per_s: 41 }, "throughput_samples_per_s"],
    [{ throughput_tokens_per_s: 400 }, "throughput_tokens_per_s"],
    [{ stability_pass: false }, "stability_pass"],
  ])("is invalid when %j contradicts its other figures", async (changes, field) => {
    const found = await recheckRun(dirOf(changes));
    expect(found.disagreements.map((each) => each.field)).toContain(field);
    expect(found.verdict.status).toBe("invalid");
  });

  it("is unusable when a figure is missing", async () => {
    expect(await recheckRun(dirOf({ had_nan: "no" }))).toMatchObject({
      form: "unusable",
      verdict: { status: "invalid" },
    });
  });
});
