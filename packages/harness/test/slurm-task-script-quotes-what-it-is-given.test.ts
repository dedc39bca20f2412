import { execFile, execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { taskProgram, taskScript } from "../src/executors/slurm/task-script.js";
import { temporaryFolder } from "./temporary-folder.js";

const in_bundle = "lib/node_modules/@vrx/harness/dist/slurm-task-program.js";

/** A bundle whose Node prints its arguments and environment as JSON. */
function fakeBundle(folder: string): string {
  mkdirSync(join(folder, "bin"), { recursive: true });
  mkdirSync(dirname(join(folder, in_bundle)), { recursive: true });
  writeFileSync(
    join(folder, in_bundle),
    "console.log(JSON.stringify({ args: process.argv.slice(2), env: process.env }))",
  );
  writeFileSync(join(folder, "bin/node"), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`);
  chmodSync(join(folder, "bin/node"), 0o755);
  return folder;
}

function runScript(
  script: string,
  env: Readonly<Record<string, string>> = {},
): { args: string[]; env: Record<string, string> } {
  const out = execFileSync("/bin/sh", ["-c", script], { encoding: "utf8", env: { PATH: "/usr/bin:/bin", ...env } });
  return JSON.parse(out) as { args: string[]; env: Record<string, string> };
}

const no_limits = { time_s: null, memory_bytes: null };

describe("the script of an array's task", () => {
  test("gives any path to the program as it is", () => {
    const folder = fakeBundle(join(temporaryFolder(), "a 'b' $HOME `id`"));
    const program = { kind: "folder", folder } as const;
    const path = fc.string({ minLength: 1 }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(path, path, (store_dir, list_file) => {
        const { args } = runScript(taskScript({ program, store_dir, list_file, limits: no_limits }));
        expect(args).toEqual(["--store", store_dir, "--list", list_file]);
      }),
      { numRuns: 25 },
    );
  });

  test("hands on the limits, and no variable of vrx that happened to be set", () => {
    const program = { kind: "folder", folder: fakeBundle(temporaryFolder()) } as const;
    const limits = { time_s: 90, memory_bytes: 1e9 };
    const script = taskScript({ program, store_dir: "/s", list_file: "/l", limits });
    const { args, env } = runScript(script, { VRX_SEED: "7", VRX_X: "a\nVRX_Y=b", OTHER: "kept" });
    expect(args.slice(4)).toEqual(["--time-s", "90", "--memory-bytes", "1000000000"]);
    expect(Object.keys(env).filter((name) => name.startsWith("VRX_"))).toEqual([]);
    expect(env["OTHER"]).toBe("kept");
  });

  test("unpacks a bundle once per host, also when two tasks start together", async () => {
    const folder = temporaryFolder();
    fakeBundle(join(folder, "vrx"));
    const file = join(folder, "it's.tar.gz");
    execFileSync("tar", ["-czf", file, "-C", folder, "vrx"]);
    const program = taskProgram({ bundle: file });
    expect(program).toMatchObject({ kind: "archive" });
    const script = taskScript({ program, store_dir: "/s", list_file: "/l", limits: no_limits });
    const start = (): Promise<{ stdout: string }> =>
      promisify(execFile)("/bin/sh", ["-c", script], { env: { PATH: "/usr/bin:/bin", TMPDIR: folder } });
    const outputs = await Promise.all(Array.from({ length: 4 }, start));
    for (const { stdout } of outputs)
      expect(JSON.parse(stdout)).toMatchObject({ args: ["--store", "/s", "--list", "/l"] });
    const left = readdirSync(join(folder, `vrx-${process.getuid?.()}`));
    expect(left).toEqual([program.kind === "archive" ? program.sha256 : ""]);
  });

  test("a bundle that is none is refused before anything is submitted", () => {
    const folder = temporaryFolder();
    expect(() => taskProgram({ bundle: folder })).toThrow(/unpacked bundle/);
    expect(() => taskProgram({ bundle: join(folder, "missing.tar.gz") })).toThrow(/vrx bundle/);
  });
});
