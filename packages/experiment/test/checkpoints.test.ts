import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { bundledModules } from "../../../tools/workspace/bundled.js";
import { type HostArray, writeNpy } from "../src/data/npy.js";
import { writeSafetensors } from "../src/data/safetensors.js";
import { type Checkpoint, CheckpointFolder, readCheckpoint, writeCheckpoint } from "../src/train/checkpoint.js";

const workspace = fileURLToPath(new URL("../../..", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "vrx-checkpoints-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const progress = {
  best_val_loss: 1.5,
  best_val_step: 3,
  validations_since_best: 0,
  best_loss: null,
  steps_since_best: 2,
};

function checkpoint(steps: number, numbers = 8): Checkpoint {
  const tensor = { shape: [numbers], data: new Float32Array(numbers).fill(steps) };
  const weights = new Map([["w", tensor]]);
  return {
    run_id: "r",
    phase: "standard",
    steps,
    config_digest: "d",
    ended: "early_stopping",
    figures: { loss: 2.5, lr: 0.1 },
    weights,
    slots: new Map([["m:w", tensor]]),
    progress,
  };
}

describe("a checkpoint", () => {
  it("comes back whole: weights, what the optimiser keeps, and what the run remembers", async () => {
    const path = join(root, "c.safetensors");
    await writeCheckpoint(path, checkpoint(7));
    expect(await readCheckpoint(path)).toEqual(checkpoint(7));
  });

  it.each([
    ["tensors of something else", writeSafetensors(new Map<string, HostArray>()), "no checkpoint of a run"],
    ["another kind of file", writeNpy({ shape: [1], data: Float32Array.of(1) }), "no .safetensors file"],
    [
      "one without its steps",
      writeSafetensors(new Map(), {
        format: "vrx_checkpoint_v1",
        run_id: "r",
        phase: "p",
        config_digest: "d",
        progress: JSON.stringify(progress),
      }),
      "expected a number of steps, found none",
    ],
    [
      "one that remembers nothing",
      writeSafetensors(new Map(), {
        format: "vrx_checkpoint_v1",
        run_id: "r",
        phase: "p",
        config_digest: "d",
        steps: "1",
      }),
      "does not say which run it is of",
    ],
  ])("is refused with its name: %s", async (_, bytes, message) => {
    const path = join(root, "bad.safetensors");
    writeFileSync(path, bytes);
    const read = readCheckpoint(path);
    await expect(read).rejects.toMatchObject({ code: "invalid_file" });
    await expect(read).rejects.toThrow(path);
    await expect(read).rejects.toThrow(message);
  });

  it("that is cut off anywhere is refused, never half read", async () => {
    const path = join(root, "cut.safetensors");
    await writeCheckpoint(path, checkpoint(7));
    const bytes = readFileSync(path);
    for (let length = 0; length < bytes.length; length += 13) {
      writeFileSync(path, bytes.subarray(0, length));
      await expect(readCheckpoint(path), `${length} bytes`).rejects.toMatchObject({ code: "invalid_file" });
    }
  });

  it("is found by its steps; what a killed writer left is none", async () => {
    const dir = join(root, "found");
    const folder = new CheckpointFolder(dir, "a run", "standard");
    expect(await folder.steps()).toEqual([]);
    for (const steps of [100, 20, 3]) await writeCheckpoint(folder.path(steps), checkpoint(steps));
    await writeCheckpoint(folder.path("best"), checkpoint(20));
    writeFileSync(`${folder.path(200)}.0123456789ab.tmp`, "half");
    writeFileSync(join(dir, "another_standard_step900.safetensors"), "");
    expect(await folder.steps()).toEqual([3, 20, 100]);
    await folder.removeSteps(100);
    expect(await folder.steps()).toEqual([100]);
    expect(readdirSync(dir)).toContain("a_run_standard_best.safetensors");
  });
});

describe("a writer that does not come to its end", () => {
  const child = join(root, "writer.mjs");
  beforeAll(async () => {
    await build({
      stdin: {
        contents: `
          import { writeCheckpoint } from "./checkpoint.js";
          const [path, from, numbers] = process.argv.slice(2);
          for (let steps = Number(from); ; steps++) {
            const data = new Float32Array(Number(numbers)).fill(steps);
            const tensor = { shape: [data.length], data };
            const progress = ${JSON.stringify(progress)};
            const weights = new Map([["w", tensor]]);
            await writeCheckpoint(path, { run_id: "r", phase: "standard", steps, config_digest: "d", ended: null, figures: {}, weights, slots: new Map(), progress })
              .catch((error) => { console.log(error.code, error.message); process.exit(3); });
            console.log(String(steps)); // a number would be coloured where colours are forced
          }`,
        resolveDir: fileURLToPath(new URL("../src/train", import.meta.url)),
        loader: "ts",
      },
      bundle: true,
      platform: "node",
      format: "esm",
      outfile: child,
      logLevel: "error",
      tsconfig: `${workspace}/tsconfig.source.json`,
      plugins: [bundledModules()],
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
      external: ["vega", "@resvg/resvg-js"],
    });
  });

  it("because it is killed leaves the checkpoint before, whole, whenever that is", async () => {
    const path = join(root, "killed.safetensors");
    let next = 1;
    let torn = 0;
    for (let round = 0; round < 5; round++) {
      const writer = spawn(process.execPath, [child, path, String(next), "1000000"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = new Promise((resolve) => writer.once("close", resolve));
      await new Promise((resolve) => writer.stdout.once("data", resolve));
      while (!readdirSync(root).some((name) => name.endsWith(".tmp"))) await sleep(0);
      writer.kill("SIGKILL");
      await ended;
      const { steps, weights } = await readCheckpoint(path);
      expect(steps).toBeGreaterThanOrEqual(next);
      expect(weights.get("w")!.data.every((value) => value === steps)).toBe(true);
      next = steps + 1;
      torn += readdirSync(root).filter((name) => name.endsWith(".tmp")).length;
      for (const name of readdirSync(root)) if (name.endsWith(".tmp")) rmSync(join(root, name));
    }
    console.log(`killed in the middle of a write ${torn} of 5 times`);
  });

  it("because the disk is full says so, and leaves the checkpoint before and no half one", async (context) => {
    const dir = join(root, "disk");
    mkdirSync(dir);
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", dir]).status !== 0) {
      return context.skip("mounting a small file system needs root");
    }
    onTestFinished(() => void spawnSync("umount", ["-l", dir]));
    const path = join(dir, "c.safetensors");
    const { status, stdout } = spawnSync(process.execPath, [child, path, "1", "1000000"], { encoding: "utf8" });
    expect({ status, stdout }).toMatchObject({ status: 3, stdout: expect.stringMatching(/^1\nENOSPC /) as string });
    expect(readdirSync(dir)).toEqual(["c.safetensors"]);
    expect((await readCheckpoint(path)).steps).toBe(1);
  });
});
