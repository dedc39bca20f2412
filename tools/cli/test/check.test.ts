import { appendFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { gateNames, writeRun } from "./helpers/run-directory.js";
import { vrx } from "./helpers/vrx.js";

const folder = testFolder();
const steady = Array.from({ length: 20 }, () => 0.01);
const check = (...words: string[]): ReturnType<typeof vrx> => vrx(["check", ...words], { cwd: folder });

beforeAll(async () => {
  await writeRun(join(folder, "good"), { times_s: steady });
  await writeRun(join(folder, "uncommitted"), { times_s: steady, commit: null });
  await writeRun(join(folder, "failed"), { times_s: steady, loss: Number.NaN });
  await writeRun(join(folder, "short"), { times_s: steady.slice(10) });
  await writeRun(join(folder, "edited"), { times_s: steady });
  const metrics = join(folder, "edited", "metrics.json");
  writeFileSync(metrics, readFileSync(metrics, "utf8").replace(/("throughput_tokens_per_s": )[\d.]+/, "$199999"));
  await writeRun(join(folder, "garbled"), { times_s: steady });
  appendFileSync(join(folder, "garbled", "samples.jsonl"), '{"\u001b[31m": 1}\n');
  mkdirSync(join(folder, "empty"));
  writeFileSync(join(folder, "file.txt"), "");
});

describe("vrx check", () => {
  it("exits 0 for a run that passes, with every gate and the evidence level", () => {
    const { code, stdout, stderr } = check("good");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^good: pass\n {2}contract \S+, evidence E[12]\n/);
    for (const gate of gateNames) expect(stdout).toMatch(new RegExp(`^  ${gate} +(pass|not_applicable) `, "m"));
  });

  it("says what keeps a run from the next evidence level", () => {
    expect(check("uncommitted").stdout).toMatch(/evidence E1\n {2}not E2: git_commit is unknown/);
  });

  it("exits 1 for a run that fails, and says why", () => {
    const { code, stdout } = check("failed");
    expect(stdout).toMatch(/^failed: fail\n/);
    expect(stdout).toMatch(/^ {2}failed: nan_or_inf$/m);
    expect(code).toBe(1);
  });

  it("exits 3 for a run without enough steps to judge", () => {
    const { code, stdout } = check("short");
    expect(stdout).toMatch(/^short: inconclusive\n/);
    expect(stdout).toMatch(/^ {2}inconclusive: gate_cannot_fire: step_time_explosion/m);
    expect(code).toBe(3);
  });

  it("exits 4 when an artifact says something else than the samples", () => {
    const { code, stdout } = check("edited");
    expect(stdout).toMatch(/metrics\.json throughput_tokens_per_s: recorded 99999, computed \d/);
    expect(code).toBe(4);
  });

  it("completes a run that was killed when asked to, and only then", async () => {
    await writeRun(join(folder, "killed"), { times_s: steady });
    for (const name of ["metrics.json", "metrics.csv", "summary.md"]) rmSync(join(folder, "killed", name));
    const before = check("killed");
    expect(before.stdout).toMatch(/--complete finishes the run/);
    expect(before.code).toBe(3);
    const after = check("--complete", "killed");
    expect(after.stdout).toMatch(/^killed: inconclusive\n/);
    expect(after.stdout).toMatch(/run_not_completed: the run was interrupted: process_gone/);
    expect(after.code).toBe(3);
    expect(check("killed").stdout).toBe(after.stdout);
    expect(check("--complete", "empty").code).toBe(2);
  });

  it("names lines that cannot be used, without letting them write to the terminal", () => {
    const { code, stdout } = check("garbled");
    expect(stdout).toMatch(/^garbled: invalid\n/);
    expect(stdout).toMatch(/artifacts_unusable: samples\.jsonl:22:/);
    expect(stdout).not.toContain("\u001b");
    // The digest that metrics.json has of the samples is another one now.
    expect(code).toBe(4);
  });

  it.each([
    ["no-such-run", /^no-such-run: no such directory/],
    ["goood", /^goood: no such directory; did you mean good\?/],
    ["empty", /^empty: no run directory: expected at least one of run_cmd\.txt/],
    ["file.txt", /^file\.txt: expected a run directory, found a file/],
  ])("exits 2 for %s, which holds no run", (name, message) => {
    const { code, stdout, stderr } = check(name);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });

  it("exits as the worst of several: 2, 4, 1, 3, 0", () => {
    expect(check("good", "short").code).toBe(3);
    expect(check("short", "failed", "good").code).toBe(1);
    expect(check("failed", "edited").code).toBe(4);
    expect(check("edited", "empty", "good").code).toBe(2);
  });

  it("gives programs one array with the whole of each verdict", () => {
    const { code, stdout, stderr } = check("--json", "good", "edited", "empty");
    expect(code).toBe(2);
    expect(stderr).toMatch(/^empty: /);
    expect(JSON.parse(stdout)).toMatchObject([
      { run_dir: "good", exit_code: 0, verdict: { status: "pass" }, recorded: { status: "pass" }, disagreements: [] },
      { run_dir: "edited", exit_code: 4, disagreements: [{ artifact: "metrics.json", recorded: 99999 }] },
      { run_dir: "empty", exit_code: 2, problem: expect.stringContaining("no run directory") as string },
    ]);
  });

  it("survives a run cut off anywhere", async () => {
    await writeRun(join(folder, "cut"), { times_s: steady });
    const samples = join(folder, "cut", "samples.jsonl");
    truncateSync(samples, readFileSync(samples).length - 5);
    expect(check("cut").stdout).toContain("the last line of samples.jsonl is cut off");
    for (const artifact of ["summary.md", "metrics.csv", "metrics.json", "env.json", "run_cmd.txt"]) {
      rmSync(join(folder, "cut", artifact));
      const { code, stdout, stderr } = check("cut");
      expect({ code, stderr }).toEqual({ code: expect.toBeOneOf([3, 4]) as number, stderr: "" });
      expect(stdout).toContain(artifact);
    }
  });
});
