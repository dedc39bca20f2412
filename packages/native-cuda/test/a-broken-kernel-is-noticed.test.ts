import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadPackagedKernels } from "../src/packaged-kernels.js";
import { fakeDriver } from "../src/testing/fake-driver.js";
import { TreeHasher } from "../src/tree-hash-device.js";
import { type SourceChange, compileChanged } from "./changed-kernels.js";
import { cannotSimulate } from "./simulated.js";
import { expectedTree, someBytes } from "./tree-data.js";

/** What is changed in the sources, one thing at a time; every one of them must be seen in a digest. */
const mutations = {
  "a rotation of the compression": ["native/sha256.h", "VRX_ROTATE_RIGHT(e, 11)", "VRX_ROTATE_RIGHT(e, 12)"],
  "the length in the padding": ["kernels/tree_hash.cu", "message_bytes * 8", "message_bytes"],
  "where a range ends": ["kernels/tree_hash.cu", "from < end ? *from : 0u", "from <= end ? *from : 0u"],
  "the first block of a range": ["kernels/tree_hash.cu", "leaf - __ldg(&ranges[low].first_leaf)", "leaf"],
  "a launch that does nothing": ["kernels/tree_hash.cu", "if (thread >= count) return;", "if (thread >= 0) return;"],
} as const;

describe.skipIf(cannotSimulate !== null)("the tests run the kernels that ship", () => {
  const folder = mkdtempSync(join(tmpdir(), "vrx-mutated-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** Builds a copy of the sources with one change, and hashes with it. */
  async function digestsWith(name: string, change: SourceChange | null): Promise<string[]> {
    const folders = compileChanged("tree_hash", join(folder, name.replace(/\W/g, "-")), change);
    // A kernel that faults leaves a context of no more use.
    const fake = fakeDriver();
    const context = await (await fake.open()).devices[0]!.openContext();
    const hasher = new TreeHasher(context, await loadPackagedKernels(context, folders, "tree_hash"), 128);
    const device = context.alloc(data.byteLength);
    try {
      await device.copyFrom(data);
      return (await hasher.hashRanges(device, ranges)).map(({ digest }) => digest);
    } catch (error) {
      return [String(error)];
    } finally {
      for (const each of [device, hasher, context, fake]) each.dispose();
    }
  }

  const data = someBytes(30_000);
  const ranges = [
    { offset: 0, bytes: 12_288 },
    { offset: 12_289, bytes: 9_000 },
  ];
  const expected = ranges.map(({ offset, bytes }) => expectedTree(data.subarray(offset, offset + bytes)).digest);

  it("as they are, they give the right digests", async () => {
    expect(await digestsWith("unchanged", null)).toEqual(expected);
  });

  it.each(Object.entries(mutations))("with %s changed, a digest is wrong or the launch fails", async (name, change) => {
    expect(await digestsWith(name, change)).not.toEqual(expected);
  });
});
