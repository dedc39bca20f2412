import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fakeDriver } from "@vrx/native-cuda/testing";
import { afterAll, describe, expect, it } from "vitest";
import { createCudaBackend } from "../../src/cuda-backend.js";
import { openRingDevice } from "../../src/native-ring-device.js";
import { compareWithReference } from "../agreement.js";
import { noFakeDevice } from "../cuda-engine.js";
import { smallConfig } from "../small-config.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const build = join(root, "../../tools/workspace/kernels/build.mjs");

/** What is changed in the sources, one thing at a time: the comparison with the reference must see every one of them. */
const mutations = {
  "a product": ["ring_device.cuh", "sum[i] += w[i / 4] * s[i % 4]", "sum[i] += w[i / 4] * s[(i + 1) % 4]"],
  "a block that does not wait for the others": ["ring_device.cuh", "(flags + block) < epoch", "(flags + block) < 0"],
  "a bias": ["ring_matrix.cuh", "value += bias[column];", ";"],
  "the tanh of an input": [
    "ring_update.cuh",
    "ring_math<real>::tanh(product + weight[units + j])",
    "product + weight[units + j]",
  ],
  "the slope of the window": ["ring_recurrence.cuh", "(offsets[k] - mean) / tau", "offsets[k] / tau"],
  "the state's own way back": ["ring_recurrence.cuh", "dhidden[own] = dh * z;", "dhidden[own] = dh;"],
  "the ring's gradient": ["ring_recurrence.cuh", "* scale * slope;", "* slope;"],
  "the sensory state's way back": [
    "ring_sensory.cuh",
    "dh += carried[own] + dbefore[j * columns + b]",
    "dh += carried[own]",
  ],
  "a label": ["ring_readout.cuh", "(c == label ? 1 : 0)", "(c == 0 ? 1 : 0)"],
  "a theta's neighbour": ["ring_update.cuh", "if (read == before)", "if (read == slot)"],
  "a slot that stays in the ring": ["ring_update.cuh", "ring_at<real>(arena, plan.at_ring)[first + j] = 0;", ";"],
  "the second moment": ["ring_update.cuh", "rest2 * (g[i] * g[i])", "rest2 * g[i]"],
  "a launch that does nothing": ["ring_update.cuh", "if (slot >= length) return;", "if (slot >= 0) return;"],
} as const;

describe.skipIf(noFakeDevice !== null)("the tests run the kernels that ship", () => {
  const folder = mkdtempSync(join(tmpdir(), "vrx-mutated-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** How far a copy of the sources with one change is from the reference, on a fake device; Infinity where it fails. */
  async function errorWith(
    name: string,
    change: readonly [string, string, string] | null,
    ...flags: readonly string[]
  ): Promise<number> {
    const copy = join(folder, name.replace(/\W/g, "-"));
    mkdirSync(join(copy, "native"), { recursive: true });
    cpSync(join(root, "native/ring_math.h"), join(copy, "native/ring_math.h"));
    cpSync(join(root, "native/cuda"), join(copy, "native/cuda"), {
      recursive: true,
      filter: (file) => !file.includes("images"),
    });
    if (change !== null) {
      const [file, from, to] = change;
      const path = join(copy, "native/cuda", file);
      const source = readFileSync(path, "utf8");
      expect(source.split(from), `${file} has one place like ${from}`).toHaveLength(2);
      writeFileSync(path, source.replace(from, to));
    }
    const out = join(copy, "images");
    execFileSync(process.execPath, [build, join(copy, "native/cuda"), "--host", "--required", "--out", out, ...flags], {
      stdio: "pipe",
    });
    const image = join(out, `ring_engine/host-${process.platform}-${process.arch}.so`);
    const fake = fakeDriver({ schedule: 3 });
    const [device] = (await fake.open()).devices;
    const config = smallConfig({ slot_dim: 12, synth_len: 6, ring_len: 9, num_classes: 7 });
    try {
      const { errors, differences } = await compareWithReference(config, 8, 2, async (c) =>
        createCudaBackend(c, await openRingDevice(device!, image)),
      );
      return differences.length > 0 ? Infinity : Math.max(...Object.values(errors).map((e) => (e >= 0 ? e : Infinity)));
    } catch {
      return Infinity;
    } finally {
      fake.dispose();
    }
  }

  it("as they are, they agree with the reference", async () => {
    expect(await errorWith("unchanged", null)).toBeLessThan(1e-9);
  });

  it("compile without a warning, and do nothing undefined", async () => {
    expect(await errorWith("sanitized", null, "--werror", "--sanitize", "undefined")).toBeLessThan(1e-9);
  });

  it.each(Object.entries(mutations))("with %s changed, they do not", async (name, change) => {
    expect(await errorWith(name, change)).toBeGreaterThan(1e-9);
  });
});
