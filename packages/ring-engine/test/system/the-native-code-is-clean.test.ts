import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const buildScript = fileURLToPath(new URL("../../native/build.mjs", import.meta.url));
const misuse = fileURLToPath(new URL("./misuse-the-addon.cjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "vrx-native-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Warnings are errors here: the build that users run lets them pass. */
function build(name: string, ...options: string[]): string {
  const out = join(folder, name);
  execFileSync(process.execPath, [buildScript, "--required", "--werror", "--out", out, ...options], { stdio: "pipe" });
  return out;
}

function output(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const run = spawnSync(program, args, { encoding: "utf8", env: { ...process.env, ...env } });
  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  return run.stdout;
}

const libraryOf = (name: string): string =>
  execFileSync("cc", [`-print-file-name=${name}`], { encoding: "utf8" }).trim();

describe("the CPU engine's C code", () => {
  it("is accurate, and clean under the address and undefined-behaviour sanitizers", () => {
    const driver = build("driver-address", "--driver", "--sanitize", "address,undefined");
    expect(output(driver, ["100"])).toMatch(/^largest errors: .*\n100 configurations\n$/);
  });

  it("is clean under the thread sanitizer", () => {
    const driver = build("driver-thread", "--driver", "--sanitize", "thread");
    expect(output(driver, ["20"])).toMatch(/20 configurations\n$/);
  });

  it("stays clean when the addon is misused", () => {
    const addon = build("vrx_ring.node", "--sanitize", "address,undefined");
    const sanitizers = [libraryOf("libasan.so"), libraryOf("libubsan.so")].join(" ");
    // Node itself keeps memory to the end.
    const found = output(process.execPath, ["--expose-gc", misuse, addon], {
      LD_PRELOAD: sanitizers,
      ASAN_OPTIONS: "detect_leaks=0",
    });
    expect(found).toMatch(/^\d{3,} calls refused\n$/);
  });
});

describe("the build of the CPU engine", () => {
  const run = (env: Readonly<Record<string, string>>, ...options: string[]): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, [buildScript, "--out", join(folder, "none.node"), ...options], {
      encoding: "utf8",
      env: { ...process.env, ...env },
    });

  it("succeeds without a compiler, and says what happens instead", () => {
    const { status, stderr } = run({ CC: join(folder, "no-compiler") });
    expect(status).toBe(0);
    expect(stderr).toMatch(/no C compiler/);
    expect(stderr).toMatch(/falls back to the reference engine/);
    expect(existsSync(join(folder, "none.node"))).toBe(false);
  });

  it("fails without a compiler where the engine is required", () => {
    expect(run({ CC: join(folder, "no-compiler") }, "--required").status).toBe(1);
  });

  it("succeeds with a compiler that fails, and shows why", () => {
    const { status, stderr } = run({ CC: process.execPath });
    expect(status).toBe(0);
    expect(stderr).toMatch(/falls back to the reference engine/);
  });
});
