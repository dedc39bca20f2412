import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const build = join(root, "../../tools/workspace/kernels/build.mjs");
const folder = mkdtempSync(join(tmpdir(), "vrx-images-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("the committed kernel images", () => {
  it("are what nvcc makes of the sources; without nvcc, of sources with the same hashes", () => {
    const said = execFileSync(process.execPath, [build, join(root, "kernels"), "--check"], { encoding: "utf8" });
    expect(said).toMatch(/^kernels: \S+: the images are current \((built again with nvcc|by the hashes)/);
  });

  it.each([
    ["a source", "kernels/tree_hash.cu", /source tree_hash\.cu has changed since the images were made/],
    ["a header", "native/sha256.h", /source \.\.\/native\/sha256\.h has changed/],
    ["an image", "kernels/images/tree_hash/sm_90.cubin", /image tree_hash\/sm_90\.cubin has changed/],
  ])("are found out when %s changes", (_what, file, message) => {
    const copy = join(folder, file.replace(/\W/g, "-"));
    for (const part of ["kernels", "native", "fake-driver/include"]) {
      cpSync(join(root, part), join(copy, part), { recursive: true });
    }
    writeFileSync(join(copy, file), Buffer.concat([readFileSync(join(copy, file)), Buffer.from("\n")]));
    const words = [build, join(copy, "kernels"), "--check", "--quick"];
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
  });
});
