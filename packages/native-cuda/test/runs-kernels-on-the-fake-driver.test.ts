import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { fakeDriverLibrary } from "../src/testing/fake-driver.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "vrx-fake-driver-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const library = fakeDriverLibrary();
if (library.status === "unavailable") console.warn(`skipped: ${library.message}`);

it.skipIf(library.status === "unavailable")(
  "the fake driver runs kernels, keeps order, shares memory and refuses what a driver refuses",
  () => {
    const build = join(root, "../../tools/workspace/kernels/build.mjs");
    const kernels = join(folder, "kernels");
    execFileSync(process.execPath, [build, join(root, "test/kernels"), "--host", "--required", "--out", kernels]);
    const program = join(folder, "fake-driver");
    const source = join(root, "test/programs/fake-driver.cc");
    const includes = `-I${join(root, "fake-driver")}`;
    execFileSync("c++", ["-std=c++17", "-O1", includes, source, "-o", program, "-ldl", "-lpthread"]);
    const image = join(kernels, `behaviour/host-${process.platform}-${process.arch}.so`);
    const file = library.status === "ok" ? library.file : "";
    const { status, stdout } = spawnSync(program, [file, image], { encoding: "utf8" });
    expect(stdout).toMatch(/^\d{3} checks, 0 failed\n$/);
    expect(status).toBe(0);
  },
);
