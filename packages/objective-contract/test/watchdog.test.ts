import { readRun, recheckRun } from "@vrx/objective-contract/node";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder } from "./support/runs.js";
import { program, run, runNode } from "./support/child.js";

const complete = ["env.json", "metrics.csv", "metrics.json", "run_cmd.txt", "samples.jsonl", "summary.md"];
const imports = `
  import { openRun } from "../../src/node/index.js";
  import { completed, envOf, headerOf, recordOf } from "./records.js";
  const [dir = ""] = process.argv.slice(2);
  const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const code = (f) => { try { f(); return "none"; } catch (error) { return error.code; } };
`;

describe("a thread that is blocked inside native code", () => {
  it("during set-up leaves complete artifacts, and its process is ended", async () => {
    const dir = join(folder(), "run");
    const file = await program(`${imports}
      await openRun(dir, headerOf({ heartbeat: { set_up_limit_s: 0.3 } }), { env: envOf(), on_stall: "kill", kill_grace_s: 0.1 });
      block(Infinity);`);
    const ended = await runNode(file, dir);
    expect(ended.signal).toBe("SIGKILL");
    expect(ended.stderr).toContain("no progress");
    expect(readdirSync(dir).sort()).toEqual(complete);
    const found = await recheckRun(dir);
    expect(found).toMatchObject({
      form: "full",
      disagreements: [],
      verdict: { status: "fail", fail_reasons: ["heartbeat_stall"] },
    });
    const read = await readRun(dir);
    expect(read).toMatchObject({
      status: "ok",
      record: {
        outcome: { status: "stalled", completed_by: "watchdog", stall: { phase: "set_up", threshold_s: 0.3 } },
      },
    });
  });

  it("in a program it waits for finds its run closed when it comes back", async () => {
    const dir = join(folder(), "run");
    const file = await program(`${imports}
      import { execFileSync } from "node:child_process";
      const { header, samples } = recordOf({ header: headerOf({ heartbeat: { floor_s: 0.3, factor: 1 } }) });
      const run = await openRun(dir, header, { env: envOf() });
      run.prepared({ executed: completed.executed });
      for (const sample of samples.slice(0, 7)) run.append({ ...sample, time_s: 0.01 });
      execFileSync("sleep", ["1.5"]);
      const late = code(() => run.append({ ...samples[7], end_s: 100 }));
      const end = await run.finish(completed).then(() => "none", (error) => error.code);
      console.log(late, end, run.signal.aborted, run.signal.reason.details.stall.phase);`);
    const ended = await runNode(file, dir);
    expect(ended).toMatchObject({ status: 0, stdout: "run_closed run_closed true measure\n" });
    const read = await readRun(dir);
    expect(read).toMatchObject({ status: "ok", record: { outcome: { executed: { precision: "fp32" } } } });
    expect(read.status === "ok" && read.record.samples).toHaveLength(7);
    expect((await recheckRun(dir)).disagreements).toEqual([]);
  });
});

describe("a contract of one's own", () => {
  it("is completed by the watchdog without evidence for gates it does not have, and checks as such", async () => {
    const dir = join(folder(), "run");
    const file = await program(`${imports}
      import { OBJECTIVE_V1, defineContract, defineGate, gateResult } from "../../src/index.js";
      const gate = defineGate({ name: "mine", rule: "Mine.", evaluate: () => gateResult("pass", "so it is") });
      const contract = defineContract({ ...OBJECTIVE_V1, name: "ours_v1", gates: [...OBJECTIVE_V1.gates, gate] });
      const header = headerOf({ contract, heartbeat: { set_up_limit_s: 0.2 } });
      const run = await openRun(dir, header, { env: envOf(), contracts: [contract] });
      block(1000);`);
    expect((await runNode(file, dir)).status).toBe(0);
    const found = await recheckRun(dir);
    expect(found).toMatchObject({
      disagreements: [],
      verdict: { status: "fail", fail_reasons: ["heartbeat_stall"], contract: "ours_v1" },
    });
    expect(found.verdict.gates.at(-1)).toMatchObject({ gate: "mine", outcome: "no_evidence" });
  });
});

describe("a run that is watched", () => {
  it("is not ended while it beats", async () => {
    const dir = join(folder(), "run");
    const file = await program(`${imports}
      const { samples } = recordOf();
      const run = await openRun(dir, headerOf({ heartbeat: { set_up_limit_s: 1.5, floor_s: 1.5 } }), { env: envOf() });
      for (let i = 0; i < 16; i++) { block(150); run.beat(); }
      run.prepared({ executed: completed.executed });
      for (const sample of samples) run.append(sample);
      console.log((await run.finish(completed)).verdict.status);`);
    expect(await runNode(file, dir)).toMatchObject({ status: 0, stdout: "pass\n", stderr: "" });
  });

  it("is told through its signal when it stalls without being blocked", async () => {
    const dir = join(folder(), "run");
    const file = await program(`${imports}
      import { once } from "node:events";
      const run = await openRun(dir, headerOf({ heartbeat: { set_up_limit_s: 0.3 } }), { env: envOf(), on_stall: "kill", kill_grace_s: 5 });
      const alive = setInterval(() => {}, 1000);
      await once(run.signal, "abort");
      clearInterval(alive);
      console.log(run.signal.reason.code);`);
    expect(await runNode(file, dir)).toMatchObject({ status: 0, signal: null, stdout: "run_closed\n", stderr: "" });
    expect((await recheckRun(dir)).verdict.fail_reasons).toEqual(["heartbeat_stall"]);
  });

  it("keeps no process alive, and a process that ends completes it", async () => {
    const dir = join(folder(), "run");
    const file = await program(`${imports} await openRun(dir, headerOf(), { env: envOf() });`);
    expect(await runNode(file, dir)).toMatchObject({ status: 0, signal: null });
    const read = await readRun(dir);
    expect(read).toMatchObject({
      status: "ok",
      record: { outcome: { status: "interrupted", stop_reason: "process_exit" } },
    });
  });

  it("is completed with the exception that nobody caught", async () => {
    const dir = join(folder(), "run");
    const file = await program(`${imports}
      const run = await openRun(dir, headerOf(), { env: envOf() });
      run.append(recordOf().samples[0]);
      setTimeout(() => { throw new RangeError("CUDA out of memory"); }, 1);`);
    expect((await runNode(file, dir)).status).not.toBe(0);
    const found = await recheckRun(dir);
    expect(found).toMatchObject({
      disagreements: [],
      verdict: { status: "fail", fail_reasons: ["runtime_exception", "oom"] },
    });
  });

  it.each([
    ["as it opens", 0],
    ["while it is open", 0.4],
  ])("survives being stopped %s and continued", async (_when, after_s) => {
    const dir = join(folder(), "run");
    const file = await program(`${imports}
      const run = await openRun(dir, headerOf({ heartbeat: { set_up_limit_s: 3 } }), { env: envOf() });
      console.log("open");
      setTimeout(() => run.finish({ status: "interrupted", stop_reason: "test" }).then(() => console.log("finished")), 700);`);
    const script = `"$0" "$1" "$2" & pid=$!; while [ ! -e "$2/env.json" ]; do sleep 0.01; done; sleep ${after_s}
      kill -STOP $pid; sleep 5; kill -CONT $pid; wait $pid`;
    const ended = await run("bash", ["-c", script, process.execPath, file, dir]);
    expect(ended.stdout).toBe("open\nfinished\n");
  });
});

describe("the built package", () => {
  const code = (load: string): string => `${load}
    const header = createRunHeader({
      workload: { schema_version: "workload_schema_v1",
        ant_spec: { ring_len: 8, slot_dim: 8, ptr_dtype: "fp64", precision: "fp32" },
        colony_spec: { seq_len: 8, synth_len: 8, batch_size: 1, ptr_update_every: 1, state_loop_samples: 0 } },
      engine: "none", device: { kind: "cpu", name: "cpu", simulated: false }, warmup_steps: 0, measure_steps: 20,
      step_time_mode: "perf_counter", heartbeat: { set_up_limit_s: 0.3 },
    });
    openRun(process.argv.at(-1), header, { on_stall: "kill", kill_grace_s: 0.1 }).then(() =>
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));`;
  const dist = (name: string): string => new URL(`../dist/node/${name}`, import.meta.url).pathname;

  it.each([
    ["ESM", "--input-type=module", `import { createRunHeader, openRun } from ${JSON.stringify(dist("index.js"))};`],
    [
      "CJS",
      "--input-type=commonjs",
      `const { createRunHeader, openRun } = require(${JSON.stringify(dist("index.cjs"))});`,
    ],
  ])("watches as %s", async (_format, type, load) => {
    const dir = join(folder(), "run");
    const ended = await run(process.execPath, [type, "-e", code(load), dir]);
    expect(ended).toMatchObject({ signal: "SIGKILL" });
    expect(readdirSync(dir).sort()).toEqual(complete);
    expect(readFileSync(join(dir, "summary.md"), "utf8")).toMatch(/^# FAIL: /);
  });
});
