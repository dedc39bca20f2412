import { completeRun, openRun, readRun, recheckRun } from "@vrx/objective-contract/node";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { program, run, runNode } from "./support/child.js";
import { envOf, folder, headerOf } from "./support/runs.js";

const imports = `
  import { openRun } from "../../src/node/index.js";
  import { completed, envOf, headerOf, recordOf } from "./records.js";
  const [dir = "", user] = process.argv.slice(2);
  const say = (what) => (error) => console.log(what, error.code, error.details?.errno, error.message);
`;
const open = `${imports}
  if (user !== undefined && process.getuid() === 0) process.setuid(Number(user));
  await openRun(dir, headerOf(), { env: envOf() }).then(() => console.log("open"), say("refused"));
  process.reallyExit(0);`;

describe("a folder that cannot be written", () => {
  it("because it is read-only is refused, and nothing is left", async () => {
    const dir = folder();
    const parent = join(dir, "read-only");
    mkdirSync(parent, { mode: 0o555 });
    spawnSync("chmod", ["755", dir]);
    const { stdout } = await runNode(await program(open), join(parent, "a", "b"), "65534");
    expect(stdout).toMatch(/^refused write_failed EACCES .*not writable; choose another folder/);
    expect(readdirSync(parent)).toEqual([]);
  });

  it("because the system says so is refused", async () => {
    await expect(openRun("/proc/vrx-run", headerOf(), { env: envOf() })).rejects.toMatchObject({
      code: "write_failed",
    });
  });

  it("because it is a file, or below one, is refused, and the file is left as it was", async () => {
    const file = join(folder(), "file");
    writeFileSync(file, "mine");
    await expect(openRun(file, headerOf(), { env: envOf() })).rejects.toMatchObject({ code: "not_a_directory" });
    await expect(openRun(join(file, "run"), headerOf(), { env: envOf() })).rejects.toMatchObject({
      code: "write_failed",
    });
    expect(readFileSync(file, "utf8")).toBe("mine");
  });
});

describe("a disk that is full", () => {
  const mounted = (size: string): string | null => {
    const dir = folder();
    const mount = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", dir]);
    if (mount.status !== 0) return null;
    onTestFinished(() => void spawnSync("umount", ["-l", dir]));
    return dir;
  };

  it("at the start is said, and nothing is left", async (context) => {
    const dir = mounted("4k");
    if (dir === null) return context.skip("mounting a small file system needs root");
    writeFileSync(join(dir, "filler"), Buffer.alloc(4096));
    await expect(openRun(join(dir, "run"), headerOf(), { env: envOf() })).rejects.toMatchObject({
      code: "write_failed",
      details: { errno: "ENOSPC" },
    });
    expect(readdirSync(dir)).toEqual(["filler"]);
  });

  it("in the middle leaves whole lines, and a run that can be completed once there is room", async (context) => {
    const dir = mounted("64k");
    if (dir === null) return context.skip("mounting a small file system needs root");
    const file = await program(`${imports}
      const header = headerOf({ warmup_steps: 0, measure_steps: 100000 });
      const run = await openRun(dir + "/run", header, { env: envOf() });
      let end_s = 0, step = 0;
      try {
        for (; ; step++) run.append({ step, phase: "measure", time_s: 0.1, end_s: (end_s += 0.1), loss: 5 });
      } catch (error) { say("append")(error); }
      await run.finish({ status: "failed", stop_reason: "disk_full" }).then(() => console.log("finished"), say("finish"));
      console.log(step);`);
    const { stdout } = await runNode(file, dir);
    const [append, finish, steps] = stdout.trim().split("\n");
    expect(append).toMatch(/^append write_failed ENOSPC .*free some space/);
    expect(finish).toMatch(/^finish write_failed ENOSPC/);
    expect(readdirSync(join(dir, "run")).sort()).toEqual(["env.json", "run_cmd.txt", "samples.jsonl"]);
    expect(spawnSync("mount", ["-o", "remount,size=1m", dir]).status).toBe(0);
    const { record, verdict } = await completeRun(join(dir, "run"), { status: "failed", stop_reason: "disk_full" });
    expect(record.samples).toHaveLength(Number(steps));
    expect(verdict).toMatchObject({ status: "fail", fail_reasons: ["timing_missing"] });
    expect(await recheckRun(join(dir, "run"))).toMatchObject({ disagreements: [], torn_last_line: false });
  });

  it("for this process alone (a limit on the size of files) is said too", async () => {
    const dir = join(folder(), "run");
    const file = await program(`${imports}
      const header = headerOf({ warmup_steps: 0, measure_steps: 100000 });
      const run = await openRun(dir, header, { env: envOf() });
      try {
        for (let step = 0; ; step++) run.append({ step, phase: "measure", time_s: 1, end_s: step + 1, loss: 5 });
      } catch (error) { say("append")(error); }`);
    const { stdout } = await run("bash", ["-c", `ulimit -f 16; exec "$0" "$1" "$2"`, process.execPath, file, dir]);
    expect(stdout).toMatch(/^append write_failed EFBIG/);
    expect(readFileSync(join(dir, "samples.jsonl"), "utf8")).toMatch(/\n$/);
    expect((await readRun(dir)).status).toBe("ok");
  });
});

describe("processes that race or die", () => {
  it("lets one of two claim a folder", async () => {
    const dir = join(folder(), "run");
    const file = await program(open);
    const ended = await Promise.all([runNode(file, dir), runNode(file, dir), runNode(file, dir)]);
    const said = ended.map(({ stdout }) => stdout.split(" ").slice(0, 2).join(" ").trim()).sort();
    expect(said).toEqual(["open", "refused run_exists", "refused run_exists"]);
  });

  it("loses no sample that was appended when it is killed", async () => {
    const dir = join(folder(), "run");
    const file = await program(`${imports}
      import { writeSync } from "node:fs";
      const run = await openRun(dir, headerOf({ warmup_steps: 0, measure_steps: 100000 }), { env: envOf() });
      for (let step = 0; ; step++) {
        run.append({ step, phase: "measure", time_s: 1, end_s: step + 1, loss: 5 });
        writeSync(1, step + "\\n");
        if (step === 500) process.kill(process.pid, "SIGKILL");
      }`);
    const ended = await runNode(file, dir);
    expect(ended.signal).toBe("SIGKILL");
    const appended = ended.stdout.trimEnd().split("\n").length;
    expect(existsSync(join(dir, "metrics.json"))).toBe(false);
    const { record, verdict } = await completeRun(dir, { status: "interrupted", stop_reason: "killed" });
    expect(record.samples.length).toBeGreaterThanOrEqual(appended);
    expect(verdict.status).toBe("inconclusive");
    expect((await recheckRun(dir)).disagreements).toEqual([]);
  });
});
