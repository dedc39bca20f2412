import { type StepSample, judge, runOutcome } from "@vrx/objective-contract";
import { completeRun, openRun, readRun, recheckRun } from "@vrx/objective-contract/node";
import fc from "fast-check";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { completed, cuda, envOf, folder, headerOf, recordOf, samplesOf } from "./support/runs.js";

const names = ["env.json", "metrics.csv", "metrics.json", "run_cmd.txt", "samples.jsonl", "summary.md"];
const text = (dir: string, name: string): string => readFileSync(join(dir, name), "utf8");
const json = (dir: string, name: string): Record<string, unknown> =>
  JSON.parse(text(dir, name)) as Record<string, unknown>;

async function written(dir: string, run = recordOf()) {
  const writer = await openRun(dir, run.header, { env: run.env });
  for (const sample of run.samples) writer.append(sample);
  return await writer.finish(run.outcome);
}

describe("a finished run", () => {
  it("has its six artifacts and nothing else, and is judged as its record is", async () => {
    const dir = join(folder(), "a", "b");
    const { verdict, record } = await written(dir);
    expect(readdirSync(dir).sort()).toEqual(names);
    expect(verdict).toEqual(judge(record));
    expect(verdict.status).toBe("pass");
  });

  it("names both pages and the whole digest in every artifact that is about the run", async () => {
    const dir = folder();
    const { record } = await written(dir);
    for (const name of names) expect(text(dir, name)).toContain(record.header.workload_digest);
    for (const name of names.filter((each) => each !== "samples.jsonl")) {
      expect(text(dir, name)).toContain("docs/gpu/objective_contract_v1.md");
      expect(text(dir, name)).toContain("docs/gpu/workload_schema_v1.md");
    }
  });

  it("is ASCII with sorted keys, two spaces, LF and a final newline", async () => {
    const dir = folder();
    await written(dir, recordOf({ header: headerOf({ argv: ["train", "--name", "größer \u{1f600}"] }) }));
    for (const name of names) {
      expect(text(dir, name)).toMatch(/^[\n\u0020-\u007e]*\n$/);
      expect(text(dir, name)).not.toMatch(/\n\n$/);
    }
    for (const name of ["env.json", "metrics.json", "run_cmd.txt"]) {
      const keys = Object.keys(json(dir, name));
      expect(keys).toEqual([...keys].sort());
      expect(text(dir, name)).toMatch(/^\{\n {2}"/);
    }
    expect(json(dir, "run_cmd.txt")["argv"]).toEqual(["train", "--name", "größer \u{1f600}"]);
  });

  it("has the keys that the contract lists", async () => {
    const dir = folder();
    await written(dir);
    const vectors = JSON.parse(readFileSync(new URL("vectors/contract-keys.json", import.meta.url), "utf8")) as Record<
      string,
      string[]
    >;
    for (const [name, keys] of Object.entries(vectors)) {
      expect(Object.keys(json(dir, name))).toEqual(expect.arrayContaining(keys));
    }
    const header = text(dir, "metrics.csv").split("\n")[0]!.split(",");
    expect(header.slice(0, 32)).toEqual(vectors["metrics.json"]);
    expect([...header].sort()).toEqual(Object.keys(json(dir, "metrics.json")));
  });

  it("begins its summary with the verdict", async () => {
    const dir = folder();
    await written(dir);
    expect(text(dir, "summary.md")).toMatch(/^# PASS: wl_v1_[\da-f]{12}__E1__fp32_amp0\n/);
  });

  it("reads back as the record it was written from, and is judged the same", async () => {
    // JSON as artifacts have it knows one zero.
    const finite = fc.double().map((loss) => (Object.is(loss, -0) ? 0 : loss));
    const losses = fc.oneof(finite, fc.constantFrom(NaN, Infinity, -Infinity, null, -0.5));
    const times = fc.array(fc.record({ time_s: fc.double({ min: 0, max: 100, noNaN: true }), loss: losses }), {
      maxLength: 22,
    });
    const outcomes = fc.record({
      status: fc.constantFrom("completed", "failed", "interrupted" as const),
      stop_reason: fc.constantFrom("measure_steps_reached", "sigint"),
      executed: fc.constantFrom(
        null,
        { precision: "fp32", amp: false } as const,
        { precision: "fp16", amp: true } as const,
      ),
      exception: fc.constantFrom(null, { type: "Error", message: "CUDA out of memory" }),
      peak_vram_reserved_bytes: fc.option(fc.nat()),
    });
    await fc.assert(
      fc.asyncProperty(times, outcomes, fc.boolean(), async (steps, changes, onGpu) => {
        const timed = samplesOf(
          steps.slice(0, 2).map(({ time_s }) => time_s),
          steps.slice(2).map(({ time_s }) => time_s),
        );
        const samples = timed.map((sample, index): StepSample => ({ ...sample, loss: steps[index]!.loss }));
        const header = headerOf({ ...(onGpu && { device: cuda }), heartbeat: null });
        const run = recordOf({ header, env: envOf({ total_vram_bytes: 1e9 }), samples, outcome: runOutcome(changes) });
        const dir = join(folder(), "run");
        const { verdict } = await written(dir, run);
        const again = await recheckRun(dir);
        expect(again.disagreements).toEqual([]);
        expect(again.verdict).toEqual(verdict);
        const read = await readRun(dir);
        expect(read).toMatchObject({ status: "ok", torn_last_line: false, record: { samples, header } });
        expect({ ...verdict, metrics: null }).toEqual({
          ...judge({ ...run, env: read.status === "ok" ? read.record.env : run.env }),
          metrics: null,
        });
      }),
      { numRuns: 60 },
    );
  });

  it("records what was executed, as soon as it is known", async () => {
    const dir = folder();
    const writer = await openRun(dir, headerOf(), { env: envOf({ reasons: { executed_precision: "not yet" } }) });
    writer.prepared({ executed: { precision: "fp16", amp: true } });
    expect(json(dir, "env.json")).toMatchObject({ executed_precision: "fp16", executed_amp: 1, reasons: {} });
    const { verdict } = await writer.finish({ status: "interrupted", stop_reason: "sigint" });
    expect(verdict.status).toBe("invalid");
    expect(json(dir, "metrics.json")["executed_precision"]).toBe("fp16");
  });

  it("is finished exactly once", async () => {
    const writer = await openRun(folder(), headerOf({ heartbeat: null }), { env: envOf() });
    const ends = await Promise.allSettled([writer.finish(completed), writer.finish(completed)]);
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    await expect(writer.finish(completed)).rejects.toMatchObject({ code: "run_closed" });
    expect(() => writer.append(recordOf().samples[0]!)).toThrow(expect.objectContaining({ code: "run_closed" }));
  });

  it("takes secrets out of the command line and of exceptions", async () => {
    const dir = folder();
    const header = headerOf({ argv: ["train", "--api-key", "hunter2222"] });
    const writer = await openRun(dir, header, { env: envOf() });
    await writer.finish({
      status: "failed",
      stop_reason: "exception",
      exception: { type: "HTTPError", message: "401 for https://user:hunter2222@example.org/" },
    });
    for (const name of names) expect(text(dir, name)).not.toContain("hunter2222");
  });
});

describe("samples", () => {
  const at = (changes: Partial<StepSample>): StepSample => ({ ...recordOf().samples[0]!, ...changes });
  it.each([
    ["a step that was not next", at({ step: 1 })],
    ["a measured step before the warm-up is over", at({ phase: "measure" })],
    ["a negative time", at({ time_s: -1 })],
    ["a time that is no number", at({ time_s: NaN })],
    ["an unknown key", { ...at({}), lose: 1 } as StepSample],
    ["half a byte", at({ rss_bytes: 0.5 })],
  ])("are refused: %s", async (_what, sample) => {
    const dir = folder();
    const writer = await openRun(dir, headerOf({ heartbeat: null }), { env: envOf() });
    expect(() => writer.append(sample)).toThrow(expect.objectContaining({ code: "invalid_sample" }));
    expect(text(dir, "samples.jsonl")).toBe("");
    await writer.finish({ status: "interrupted", stop_reason: "test" });
  });

  it("are refused beyond the steps that were announced, and backwards in time", async () => {
    const writer = await openRun(folder(), headerOf({ warmup_steps: 1, heartbeat: null }), { env: envOf() });
    writer.append(at({ end_s: 5 }));
    expect(() => writer.append(at({ step: 1, end_s: 6 }))).toThrow(/announced/);
    expect(() => writer.append(at({ phase: "measure", end_s: 4 }))).toThrow(/before the step above/);
    await writer.finish({ status: "interrupted", stop_reason: "test" });
  });
});

describe("a folder that holds a run already", () => {
  it.each(["env.json", "metrics.json", "summary.md", "run_cmd.txt", "samples.jsonl", "metrics.csv"])(
    "is refused because of %s, and left as it was",
    async (name) => {
      const dir = folder();
      writeFileSync(join(dir, name), "mine");
      await expect(openRun(dir, headerOf(), { env: envOf() })).rejects.toMatchObject({
        code: "run_exists",
        details: { artifact: name },
      });
      expect(readdirSync(dir)).toEqual([name]);
      expect(text(dir, name)).toBe("mine");
    },
  );

  it("is given to one of several that race for it", async () => {
    const dir = join(folder(), "run");
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, () => openRun(dir, headerOf({ heartbeat: null }), { env: envOf() })),
    );
    const won = tries.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    expect(won).toHaveLength(1);
    for (const each of tries) if (each.status === "rejected") expect(each.reason).toMatchObject({ code: "run_exists" });
    await won[0]!.finish({ status: "interrupted", stop_reason: "test" });
    expect(readdirSync(dir).sort()).toEqual(names);
  });

  it("may hold other files", async () => {
    const dir = folder();
    writeFileSync(join(dir, "notes.txt"), "mine");
    await written(dir);
    expect(text(dir, "notes.txt")).toBe("mine");
  });
});

describe("completing somebody else's run", () => {
  it("tells why it was left, once", async () => {
    const dir = folder();
    const run = recordOf();
    const writer = await openRun(dir, run.header, { env: run.env });
    for (const sample of run.samples.slice(0, 9)) writer.append(sample);
    writeFileSync(join(dir, ".metrics.json.0123456789ab.tmp"), "{");
    const first = await completeRun(dir, { status: "interrupted", stop_reason: "killed" });
    expect(first).toMatchObject({ status: "completed_now", verdict: { status: "inconclusive" } });
    expect(readdirSync(dir).sort()).toEqual(names);
    const before = names.map((name) => text(dir, name));
    const second = await completeRun(dir, { status: "failed", stop_reason: "another reason" });
    expect(second).toMatchObject({ status: "already_complete", verdict: { status: "inconclusive" } });
    expect(names.map((name) => text(dir, name))).toEqual(before);
    expect(json(dir, "metrics.json")).toMatchObject({
      run_status: "interrupted",
      stop_reason: "killed",
      measured_steps: 7,
    });
    await expect(writer.finish(completed)).rejects.toMatchObject({ code: "run_closed" });
  });

  it("writes the copies that a kill between them left out", async () => {
    const dir = folder();
    await written(dir);
    const [csv, summary] = [text(dir, "metrics.csv"), text(dir, "summary.md")];
    const other = folder();
    for (const name of names.filter((each) => each !== "metrics.csv" && each !== "summary.md")) {
      writeFileSync(join(other, name), text(dir, name));
    }
    expect(await completeRun(other, { status: "interrupted", stop_reason: "killed" })).toMatchObject({
      status: "already_complete",
    });
    expect([text(other, "metrics.csv"), text(other, "summary.md")]).toEqual([csv, summary]);
  });

  it.each([
    ["that is not there", (dir: string) => join(dir, "nowhere")],
    ["without a header", (dir: string) => (mkdirSync(join(dir, "x")), join(dir, "x"))],
  ])("refuses a folder %s", async (_what, make) => {
    const dir = make(folder());
    await expect(completeRun(dir, { status: "interrupted", stop_reason: "killed" })).rejects.toMatchObject({
      code: "run_unusable",
    });
    expect(existsSync(join(dir, "metrics.json"))).toBe(false);
  });
});
