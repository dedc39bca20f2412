import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDevice, openTreeHasher } from "@vrx/native-cuda";
import { offerBuffer } from "@vrx/native-cuda";
import { afterEach, describe, expect, it } from "vitest";
import { isVramResidencyError } from "../src/errors.js";
import type { TensorDigest } from "../src/safetensors.js";
import { type TestManager, testVramManager } from "../src/testing/index.js";
import { temporaryFolder } from "./temporary-folder.js";

let opened: TestManager[] = [];
afterEach(async () => {
  for (const test of opened) await test[Symbol.asyncDispose]();
  opened = [];
});
const code = async (promise: Promise<unknown>) => {
  try {
    await promise;
    return "ok";
  } catch (error) {
    if (!isVramResidencyError(error)) throw error;
    return error.code;
  }
};

/** A server of weights on the manager's own fake driver, and the digests it took when it loaded them. */
async function served(length: number) {
  const test = await testVramManager();
  opened.push(test);
  const device = await openDevice(0, { library: test.driver.library });
  const context = await device.openContext();
  const buffer = context.alloc(length, { shareable: true });
  const bytes = randomBytes(length);
  await buffer.copyFrom(bytes);
  const ranges = [
    { name: "wq", offset: 0, bytes: 10_000 },
    { name: "wk", offset: 10_000, bytes: length - 10_000 },
  ];
  const hasher = await openTreeHasher(context);
  const trees = await hasher.hashRanges(buffer, ranges);
  hasher.dispose();
  const tensors: TensorDigest[] = ranges.map((range, i) => ({ ...range, tree_digest: trees[i]!.digest }));
  const path = join(temporaryFolder(), "offer.sock");
  const offer = offerBuffer(buffer, path);
  return {
    ...test,
    buffer,
    path,
    tensors,
    bytes,
    close: () => [offer, buffer, context].forEach((one) => one.dispose()),
  };
}

describe("weights that another process holds", () => {
  it("are sealed where they are, read-only, and verified per tensor", async () => {
    const { manager, path, tensors, buffer, close } = await served(64 * 1024);
    const handle = await manager.adopt(path, tensors, { model_ref: "engine" });
    expect(handle.tensors).toEqual(tensors);
    expect(manager.usedVram()).toBe(0);
    expect((await manager.verifySealed(handle.shard)).status).toBe("verified");
    expect(await manager.verifyTensors(handle.shard)).toEqual([]);
    // The other process writes: that is what verification is for.
    await buffer.copyFrom(new Uint8Array(1), { offset: 20_000 });
    await buffer.copyFrom(new Uint8Array([255]), { offset: 20_001 });
    expect(await manager.verifySealed(handle.shard)).toMatchObject({
      status: "failed",
      reason: "digest_mismatch",
    });
    expect(await manager.verifyTensors(handle.shard)).toEqual(["wk"]);
    handle.dispose();
    const left = new Uint8Array(1);
    buffer.copyToSync(left, { offset: 20_001 });
    expect(left[0]).toBe(255);
    close();
  });

  it("are refused where a tensor is not what was loaded, or lies outside", async () => {
    const { manager, path, tensors, close } = await served(64 * 1024);
    expect(await code(manager.adopt(path, []))).toBe("invalid_input");
    const wrong = tensors.map((tensor, i) => (i === 1 ? { ...tensor, tree_digest: "0".repeat(64) } : tensor));
    expect(await code(manager.adopt(path, wrong))).toBe("integrity_violation");
    expect(await code(manager.adopt(path, [{ ...tensors[0]!, bytes: 2 ** 30 }]))).toBe("invalid_input");
    expect(await code(manager.adopt(path, tensors, { expected: { digest: "0".repeat(64) } }))).toBe(
      "integrity_violation",
    );
    expect(await code(manager.adopt(join(temporaryFolder(), "nobody"), tensors))).toBe("invalid_input");
    expect(manager.shards()).toEqual([]);
    close();
  });
});

const built = existsSync(
  createRequire(import.meta.url)
    .resolve("@vrx/native-cuda/package.json")
    .replace("package.json", "dist/index.js"),
);
if (!built) console.log("skipped: adopting from another process needs the build of @vrx/native-cuda");

it.skipIf(!built)("are adopted from a process that is really another one", async () => {
  const test = await testVramManager();
  opened.push(test);
  const path = join(temporaryFolder(), "offer.sock");
  const program = fileURLToPath(new URL("programs/weights-server.mjs", import.meta.url));
  const child: ChildProcess = fork(program, [test.driver.library, path], { stdio: "inherit" });
  try {
    const tensors = await new Promise<TensorDigest[]>((resolve, reject) => {
      child.once("message", (message) => resolve(message as TensorDigest[]));
      child.once("exit", (status) => reject(new Error(`the server ended with ${status}`)));
    });
    const handle = await test.manager.adopt(path, tensors);
    expect((await test.manager.verifySealed(handle.shard, { tier: "read_back" })).status).toBe("verified");
    const changed = new Promise((resolve) => child.once("message", resolve));
    child.send("write");
    await changed;
    expect(await test.manager.verifySealed(handle.shard)).toMatchObject({ reason: "digest_mismatch" });
    handle.dispose();
  } finally {
    child.kill();
  }
});
