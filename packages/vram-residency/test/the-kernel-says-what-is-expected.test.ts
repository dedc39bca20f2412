import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type VerityMeasurement, hashFileTree } from "@vrx/native-cuda";
import { expect, it } from "vitest";
import { testVramManager } from "../src/testing/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const options = { expected: { fs_verity: true } };
const parameters = { block_bytes: 4096, salt: "" };
function modelFile() {
  const file = join(temporaryFolder(), "model");
  writeFileSync(file, randomBytes(70_000));
  return file;
}
/** A manager whose kernel gives these answers. */
const withKernel = (measurement: VerityMeasurement) =>
  testVramManager({ measureVerity: () => Promise.resolve(measurement) });

it("seals a file whose bytes have the digest that the kernel enforces", async () => {
  const file = modelFile();
  const { digest } = await hashFileTree(file);
  for (const known of [parameters, null]) {
    await using test = await withKernel({ status: "measured", algorithm: "sha256", digest, parameters: known });
    expect((await test.manager.sealModel(file, options)).tree_digest).toBe(digest);
  }
});

it("refuses other bytes, and leaves nothing of them", async () => {
  await using test = await withKernel({ status: "measured", algorithm: "sha256", digest: "0".repeat(64), parameters });
  await expect(test.manager.sealModel(modelFile(), options)).rejects.toMatchObject({
    code: "integrity_violation",
    details: { reason: "unexpected_fs_verity" },
  });
  expect(test.manager.usedVram()).toBe(0);
});

it.each([
  ["verity_algorithm", { status: "measured", algorithm: "sha512", digest: "ab".repeat(64), parameters }],
  [
    "verity_block_size",
    { status: "measured", algorithm: "sha256", digest: "0".repeat(64), parameters: { block_bytes: 1024, salt: "" } },
  ],
  [
    "verity_salt",
    { status: "measured", algorithm: "sha256", digest: "0".repeat(64), parameters: { block_bytes: 4096, salt: "aa" } },
  ],
  ["verity_not_enabled", { status: "unavailable", reason: "not_enabled", message: "" }],
  ["verity_unsupported", { status: "unavailable", reason: "unsupported", message: "" }],
  ["verity_not_linux", { status: "unavailable", reason: "not_linux", message: "" }],
  ["verity_addon_not_built", { status: "unavailable", reason: "addon_not_built", message: "" }],
] as const)("says %s where the kernel's digest is none to expect, before it allocates", async (reason, measurement) => {
  await using test = await withKernel(measurement);
  const before = test.driver.statistics().calls;
  await expect(test.manager.sealModel(modelFile(), options)).rejects.toMatchObject({
    code: "invalid_input",
    details: { reason },
  });
  expect(test.driver.statistics().calls["cuMemAlloc"]).toBe(before["cuMemAlloc"]);
});

it("asks this kernel, unless told otherwise, and of files alone", async () => {
  await using test = await testVramManager();
  await expect(test.manager.sealModel("/proc/self/exe", options)).rejects.toMatchObject({
    code: "invalid_input",
    details: { reason: expect.stringMatching(/^verity_(?:not_enabled|unsupported|not_linux)$/u) as string },
  });
  await expect(test.manager.sealModel(randomBytes(8), options)).rejects.toMatchObject({
    details: { reason: "verity_not_a_file" },
  });
});
