import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { writeRun } from "./helpers/run-directory.js";
import { vrx } from "./helpers/vrx.js";

const folder = testFolder();
const runs = (...words: string[]): ReturnType<typeof vrx> => vrx(["runs", ...words], { cwd: folder });
const times = (time_s: number): number[] => Array.from({ length: 20 }, () => time_s);

beforeAll(async () => {
  await writeRun(join(folder, "runs/fast"), { times_s: times(0.01) });
  await writeRun(join(folder, "runs/slow, and \u001b[31mred"), { times_s: times(0.02) });
  await writeRun(join(folder, "elsewhere/bad"), { times_s: times(0.01), loss: Number.NaN });
  mkdirSync(join(folder, "runs/killed"));
  writeFileSync(join(folder, "runs/killed/metrics.json"), "{");
});

describe("vrx runs", () => {
  it("lists runs with verdict and figures", () => {
    const { code, stdout, stderr } = runs("list");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^dir +created_utc +workload_id /);
    expect(lines).toHaveLength(4);
    expect(stdout).toMatch(/^runs\/fast .* pass +0\.01 /m);
    expect(stdout).toContain("\\x1b[31mred");
    expect(stdout).not.toContain("\u001b[31m");
    const json = JSON.parse(runs("list", "elsewhere", "--json").stdout) as Record<string, unknown>[];
    expect(json).toMatchObject([{ verdict: "fail", engine: "reference", workload_id: "wl_v1_37d4c849bed8" }]);
    const csv = runs("list", "--csv").stdout.split("\r\n");
    expect(csv[0]).toBe(
      "dir,created_utc,workload_id,engine,device,host,verdict,median_step_time_s,throughput_tokens_per_s",
    );
    expect(csv.some((line) => line.startsWith('"') && line.includes("slow, and"))).toBe(true);
  });

  it("answers one SELECT, and nothing else", () => {
    const query = (sql: string, ...more: string[]): ReturnType<typeof vrx> => runs("query", sql, ...more);
    expect(
      JSON.parse(query("SELECT max(time_s) AS most FROM samples WHERE phase = 'measure'", "--json").stdout),
    ).toEqual([{ most: 0.02 }]);
    expect(query("SELECT 1 AS one, NULL AS none, 'a\"b' AS text", "--csv").stdout).toBe(
      'one,none,text\r\n1,,"a""b"\r\n',
    );
    for (const wrong of [
      "COPY runs TO 'x.csv'",
      "SELECT * FROM read_text('/etc/passwd')",
      "DROP TABLE runs",
      "nonsense",
    ]) {
      expect(query(wrong)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("query: ") as string });
    }
    expect(query("SELECT 1", "nowhere").stderr).toMatch(/nowhere: no such file or directory/);
    expect(query("SELECT 1", "--json", "--csv").code).toBe(2);
    expect(vrx(["runs", "list"], { cwd: join(folder, "elsewhere") }).stderr).toContain("neither runs nor sweeps");
  });

  it("shows one run, by its place or its workload", () => {
    expect(runs("show", "elsewhere/bad").stdout).toMatch(/^verdict +fail$/m);
    expect(runs("show", "fast").stdout).toMatch(/^median_step_time_s +0\.01$/m);
    const both = JSON.parse(runs("show", "wl_v1_37d4c849bed8", "--json").stdout) as Record<string, unknown>[];
    expect(both).toHaveLength(2);
    expect(both[0]).toMatchObject({ metrics: { verdict: "pass" }, command: { engine: "reference" } });
    expect(runs("show", "nothing")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no run directory") as string,
    });
  });

  it("finds a value anywhere, and exits 1 where nothing matches", () => {
    const { code, stdout } = runs("grep", "^fail_reasons=|nan_or_inf", "elsewhere");
    expect(code).toBe(0);
    expect(stdout).toMatch(/elsewhere\/bad +metrics +\$\.\S+ +"?nan_or_inf/);
    expect(runs("grep", "^engine=reference$").stdout.split("\n").length).toBeGreaterThan(3);
    expect(runs("grep", "no such thing anywhere").code).toBe(1);
    expect(runs("grep", "(").code).toBe(2);
  });
});
