import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fakeDriverLibrary } from "@vrx/native-cuda/testing";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const built = ["native-cuda", "vram-residency"].every((name) => existsSync(`${root}packages/${name}/dist/index.js`));
const can = built && fakeDriverLibrary().status !== "unavailable";
if (!can) console.log("skipped: the script for GPUs needs a build, and the fake driver");

it.skipIf(!can)(
  "what is measured on a GPU runs on the fake driver, which proves nothing of a GPU",
  { timeout: 300_000 },
  () => {
    const script = `${root}tools/workspace/gpu.mjs`;
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--fake-driver", "--only", "residency"], {
      encoding: "utf8",
      timeout: 280_000,
    });
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^0 passed, 0 failed, 4 skipped$/mu);
    expect(stdout.match(/it passes on the fake driver/gu)).toHaveLength(4);
    for (const figure of [
      "tree: ",
      "read back: ",
      "signature only: ",
      "copy of a file",
      "four shards",
      "co-running kernel",
    ]) {
      expect(stdout).toContain(figure);
    }
  },
);
