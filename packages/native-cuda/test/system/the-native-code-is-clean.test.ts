import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { type AttributeName, attributeNumbers } from "../../src/device-attributes.js";
import { fakeDriverLibrary } from "../../src/testing/index.js";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const buildScript = at("../../native/build.mjs");
const folder = mkdtempSync(join(tmpdir(), "vrx-native-"));
afterAll(() => rmSync(folder, { recursive: true }));

const cc = process.env["CC"] ?? "cc";
const hasCompiler = spawnSync(cc, ["--version"]).status === 0;
const library = fakeDriverLibrary();
if (!hasCompiler || library.status === "unavailable") console.log("skipped: there is no compiler, or no fake driver");

const headers = ["/usr/local/cuda/include/cuda.h", "/usr/local/cuda-13.0/include/cuda.h"];
const toolkit = headers.find((file) => existsSync(file));
if (toolkit === undefined)
  console.log("skipped: the comparison with cuda.h, for which a CUDA toolkit must be installed");

function libraryOf(name: string): string {
  return execFileSync(cc, [`-print-file-name=${name}`], { encoding: "utf8" }).trim();
}

describe.skipIf(!hasCompiler || library.status === "unavailable")("the addon's C code", () => {
  it("compiles without a warning, and stays clean under the sanitizers however it is misused", () => {
    const addon = join(folder, "vrx_cuda.node");
    const options = ["--required", "--werror", "--out", addon, "--sanitize", "address,undefined"];
    execFileSync(process.execPath, [buildScript, ...options], { stdio: "pipe" });
    const fake = library.status === "ok" ? library.file : "";
    const kernels = at(`../../build/kernels-for-launches/launches/host-${process.platform}-${process.arch}.so`);
    const run = spawnSync(process.execPath, ["--expose-gc", at("misuse-the-addon.cjs"), addon, fake, kernels], {
      encoding: "utf8",
      env: {
        ...process.env,
        LD_PRELOAD: [libraryOf("libasan.so"), libraryOf("libubsan.so")].join(" "),
        // Node itself keeps memory to the end.
        ASAN_OPTIONS: "detect_leaks=0",
      },
    });
    expect(run.stderr).toBe("");
    expect(run.status, run.stdout).toBe(0);
    expect(run.stdout).toMatch(/^\d{4,} calls refused, nothing left\n$/);
  });

  it("says what to do where there is no compiler, and is no failure unless it is required", () => {
    const out = join(folder, "none.node");
    for (const [required, expected] of [
      [[], 0],
      [["--required"], 1],
    ] as const) {
      const env = { ...process.env, CC: "no-such-compiler" };
      const { status, stderr } = spawnSync(process.execPath, [buildScript, "--out", out, ...required], {
        encoding: "utf8",
        env,
      });
      expect(status).toBe(expected);
      expect(stderr).toMatch(/no-such-compiler does not run/);
      expect(stderr).toMatch(/vrx native build/);
      expect(existsSync(out)).toBe(false);
    }
  });
});

describe.skipIf(toolkit === undefined || !hasCompiler)("the declarations of the driver's interface", () => {
  it("are those of cuda.h", () => {
    const say = (name: string, ...flags: string[]): string => {
      const program = join(folder, name);
      execFileSync(cc, [at("../../native/test_cuda_api.c"), ...flags, "-o", program]);
      return execFileSync(program, { encoding: "utf8" });
    };
    const ours = say("ours");
    expect(ours.split("\n").length).toBeGreaterThan(50);
    expect(ours).toBe(say("theirs", "-DVRX_TOOLKIT", `-I${dirname(toolkit ?? "")}`));
  });

  it("number the attributes of devices as cuda.h does", () => {
    const text = readFileSync(toolkit ?? "", "utf8");
    const known = new Set(
      Array.from(text.matchAll(/CU_DEVICE_ATTRIBUTE_\w+\s*=\s*(\d+)/g), (match) => Number(match[1])),
    );
    for (const number of Object.values(attributeNumbers)) expect(known).toContain(number);
    // Names that both spell alike.
    const alike: readonly AttributeName[] = ["compute_capability_major", "unified_addressing", "managed_memory"];
    for (const name of [...alike, "integrated", "tcc_driver", "pageable_memory_access"] as const) {
      expect(text, name).toMatch(
        new RegExp(`CU_DEVICE_ATTRIBUTE_${name.toUpperCase()}\\s*=\\s*${attributeNumbers[name]}\\b`),
      );
    }
  });
});
