import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const kernelBuild = join(root, "../../tools/workspace/kernels/build.mjs");
const folder = mkdtempSync(join(tmpdir(), "vrx-sanitized-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const strict = ["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fno-sanitize-recover=all"];
const images = `host-${process.platform}-${process.arch}.so`;

function node(script: string, ...words: readonly string[]): void {
  execFileSync(process.execPath, [script, ...words, "--required", "--werror"], { stdio: "pipe" });
}

function outputOf(program: string, ...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status, stdout).toBe(0);
  return stdout;
}

const toolkit = ["/usr/local/cuda/include", "/usr/include"].find((at) => existsSync(join(at, "cuda.h")));
if (toolkit === undefined) console.warn("skipped: no cuda.h to compare the fake driver's interface with");

describe("the fake driver", () => {
  it.skipIf(toolkit === undefined)("has the binary interface of cuda.h", () => {
    const source = join(root, "test/programs/fake-driver-abi.cc");
    const includes = [`-I${toolkit}`, `-I${join(root, "fake-driver")}`];
    const { status, stderr } = spawnSync("c++", ["-std=c++17", "-fsyntax-only", ...includes, source], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });

  it("is clean under the address and undefined-behaviour sanitizers, on fibres and all", () => {
    const both = "address,undefined";
    const [library, kernels, program] = ["libvrx_fake_cuda.so", "kernels", "program"].map((name) => join(folder, name));
    node(join(root, "fake-driver/build.mjs"), "--sanitize", both, "--out", library!);
    // Some of these kernels do on purpose what the other sanitizer would stop.
    node(kernelBuild, join(root, "test/kernels"), "--host", "--sanitize", "address", "--out", kernels!);
    const source = join(root, "test/programs/fake-driver.cc");
    const flags = ["-std=c++17", ...strict, `-fsanitize=${both}`, `-I${join(root, "fake-driver")}`];
    execFileSync("c++", [...flags, source, "-o", program!, "-ldl", "-lpthread"]);
    expect(outputOf(program!, library!, join(kernels!, "behaviour", images))).toMatch(/^\d{3} checks, 0 failed\n$/);
  });
});

describe("the kernels of this package", () => {
  it("are clean under the sanitizers, to which every access of theirs is one of the host", () => {
    const both = "address,undefined";
    const [library, kernels, program] = ["libvrx_fake_cuda.so", "own", "tree-kernel"].map((name) => join(folder, name));
    node(join(root, "fake-driver/build.mjs"), "--sanitize", both, "--out", library!);
    node(kernelBuild, join(root, "kernels"), "--host", "--sanitize", both, "--out", kernels!);
    const includes = [`-I${join(root, "fake-driver")}`, `-I${join(root, "native")}`];
    const source = join(root, "test/programs/tree-kernel.cc");
    const flags = ["-std=c++17", ...strict, `-fsanitize=${both}`, ...includes];
    execFileSync("c++", [...flags, source, "-o", program!, "-ldl"]);
    expect(outputOf(program!, library!, join(kernels!, "tree_hash", images))).toBe("0 of 8 digests are wrong\n");
  });
});

describe("the hash on the host", () => {
  it.each(["address,undefined", "thread"])("is clean under the sanitizers (%s), and all its ways agree", (sanitize) => {
    const program = join(folder, `hash-${sanitize}`);
    const sources = ["test/programs/tree-hash.c", "native/tree_hash.c"].map((file) => join(root, file));
    const flags = ["-std=gnu11", ...strict, `-fsanitize=${sanitize}`, `-I${join(root, "native")}`];
    execFileSync("cc", [...flags, ...sources, "-o", program, "-lpthread"]);
    expect(outputOf(program, "14")).toMatch(/^\d+ roots agree\n$/);
  });
});
