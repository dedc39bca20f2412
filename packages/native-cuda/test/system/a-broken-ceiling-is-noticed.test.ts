import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadPackagedKernels } from "../../src/packaged-kernels.js";
import { fakeDriver } from "../../src/testing/fake-driver.js";
import { ceilingResults, expectedCeilingResults } from "../ceiling-results.js";
import { compileChanged } from "../changed-kernels.js";
import { cannotSimulate } from "../simulated.js";

/** What is changed in the sources, one thing at a time, and whose results must differ. */
const mutations = {
  "an addition": ["a = a + b + c;", "a = a + b;", "vrx_ceiling_add"],
  "a logical operation": ["a = (a | b) ^ c;", "a = a | b;", "vrx_ceiling_logic"],
  "a shift": ["7 + (c & 8)", "7", "vrx_ceiling_shift"],
  "a multiplication": ["a = a * b + c;", "a = b + c;", "vrx_ceiling_multiply"],
  "half of the body": ["d += 2", "d += 4", "vrx_ceiling_add"],
  "a word of the message": ["w[j] = s.word[j & 7]", "w[j] = s.word[j & 3]", "vrx_ceiling_sha256"],
  "a fused multiply-add": ["fmaf(x[c], a, b)", "x[c] * a", "vrx_ceiling_fma"],
  "a chain": ["c < CHAINS; c++) x[c] = fmaf", "c < 1; c++) x[c] = fmaf", "vrx_ceiling_fma"],
  "a launch that does nothing": [
    "i < iterations; i++) {\n#pragma unroll\n    for (int j",
    "i < 0; i++) {\n#pragma unroll\n    for (int j",
    "vrx_ceiling_sha256",
  ],
} as const;

describe.skipIf(cannotSimulate !== null)("the ceilings are those of the kernels that ship", () => {
  const folder = mkdtempSync(join(tmpdir(), "vrx-mutated-ceilings-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each(Object.entries(mutations))("%s less is noticed", async (name, [from, to, kernel]) => {
    const change = ["kernels/ceilings.cu", from, to] as const;
    const folders = compileChanged("ceilings", join(folder, name.replace(/\W/g, "-")), change);
    const fake = fakeDriver();
    const context = await (await fake.open()).devices[0]!.openContext();
    const module = await loadPackagedKernels(context, folders, "ceilings");
    expect(await ceilingResults(context, module, kernel)).not.toEqual(expectedCeilingResults[kernel]);
    for (const each of [module, context, fake]) each.dispose();
  });
});
