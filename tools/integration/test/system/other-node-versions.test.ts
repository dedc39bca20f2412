import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Consumer, createConsumer } from "../../src/consumer.js";
import { fetchNode } from "../../src/node-version.js";
import { mustRun } from "../../src/run.js";

let esm: Consumer;
let cjs: Consumer;
beforeAll(() => {
  const tarballs = inject("tarballs");
  esm = createConsumer("esm", tarballs);
  cjs = createConsumer("cjs", tarballs);
});
afterAll(() => {
  esm.remove();
  cjs.remove();
});

const majors = [22, 24].filter((major) => !process.version.startsWith(`v${major}.`));

describe.each(majors)("Node %i", (major) => {
  const node = fetchNode(major);
  if (node.status === "missing") console.log(`skipped: Node ${major}: ${node.reason}`);
  afterAll(() => {
    if (node.status === "found") node.remove();
  });

  test.skipIf(node.status === "missing")("runs the ESM consumer, the CommonJS consumer and the command", () => {
    if (node.status === "missing") return;
    const [fromEsm, fromCjs] = [
      mustRun(node.path, ["main.mjs"], esm.dir),
      mustRun(node.path, ["main.cjs"], cjs.dir),
    ].map((text) => JSON.parse(text) as { node: string; id: string });
    expect(fromEsm).toMatchObject({ id: "wl_v1_37d4c849bed8" });
    expect(fromEsm?.node).toContain(`v${major}.`);
    expect(fromCjs).toMatchObject({ id: "wl_v1_37d4c849bed8" });
    const bin = join(esm.dir, "node_modules/@vrx/cli/bin/vrx.js");
    expect(mustRun(node.path, [bin, "workload", "id", "od1_real"], esm.dir).trim()).toBe("wl_v1_a87a40941a4c");
  });
});
