import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { mutate, seeded } from "../../../tools/workspace/fuzz/mutate.mjs";
import { createSidecar } from "../src/server/index.js";
import { testVramManager } from "../src/testing/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const REQUESTS = 1500;

const junk = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e300,
  "",
  "x",
  "../m",
  "é\0",
  "s".repeat(5000),
  [],
  {},
  [null],
  { a: {} },
];

/** The same value with one member, at any depth, replaced or taken away. */
function spoilt(random: (below: number) => number, value: unknown): unknown {
  if (typeof value !== "object" || value === null || random(4) === 0) return junk[random(junk.length)];
  const entries = Object.entries(value);
  // A socket that is not there is waited for: the one that is asked for has no name.
  const at = Math.max(random(entries.length), "socket" in value ? 1 : 0);
  const changed = entries.flatMap(([key, member], i) =>
    i !== at ? [[key, member]] : random(6) === 0 ? [] : [[key, spoilt(random, member)]],
  );
  return Array.isArray(value) ? changed.map(([, member]) => member as unknown) : Object.fromEntries(changed);
}

it(`answers up to ${REQUESTS} requests that were made up with a code of its own, and has no defect`, async () => {
  const seed = randomBytes(4).readUInt32LE();
  console.log(`seed=${seed}`);
  const random = seeded(seed);
  const models = join(temporaryFolder(), "models");
  mkdirSync(models);
  writeFileSync(join(models, "m"), "model");
  const start = async () => {
    const test = await testVramManager();
    const app = await createSidecar(test.manager, { token: null, modelRoots: [models], version: "0" });
    const { shard } = await test.manager.sealModel(randomBytes(100), { shard_id: "s" });
    const end = async () => {
      await app.close();
      await test[Symbol.asyncDispose]();
    };
    return { app, end, manager: test.manager, shard };
  };
  let sidecar = await start();
  let stopped = 0;
  const digest = "ab".repeat(32);
  const tensor = { name: "t", offset: 0, bytes: 8, tree_digest: digest };
  const requests = [
    ["POST", "/v1/plan", { bytes: 100, total_shards: 2 }],
    ["POST", "/v1/commit", { path: "m", model_ref: "m", shard_index: 0, total_shards: 2, expected_digest: digest }],
    ["POST", "/v1/commit", { path: "m", expected_fs_verity: false, tensors: "safetensors" }],
    ["POST", "/v1/adopt", { socket: "", tensors: [tensor] }],
    [
      "POST",
      "/v1/verify",
      { shard_id: "s", shard: sidecar.shard, tier: "leaves", leaves: 3, incremental: false, max_age_s: 1e9 },
    ],
    ["POST", "/v1/attest", { shard_id: "s", nonce: digest, tier: "tree" }],
  ] as const;
  const texts = requests.map(([, , body]) => Buffer.from(JSON.stringify(body)));
  const statuses = new Map<number, number>();
  for (let i = 0; i < REQUESTS; i++) {
    const at = random(requests.length);
    const [method, url] = requests[at]!;
    const payload =
      random(2) === 0 && url !== "/v1/adopt"
        ? mutate(random, texts[at]!, texts[random(texts.length)]!, 4096)
        : Buffer.from(JSON.stringify(spoilt(random, JSON.parse(texts[at]!.toString())) ?? null));
    const headers = { "content-type": "application/json" };
    const reply = await sidecar.app.inject({ method, url, payload, headers });
    const { statusCode, body } = reply;
    statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
    expect(statusCode === 500 ? body : "", `${url} ${payload.toString()}`).toBe("");
    if (statusCode >= 400)
      expect(reply.json()).toMatchObject({
        code: expect.any(String) as string,
        retriable: expect.any(Boolean) as boolean,
      });
    // What was verified as changed stops the worker: a few times the next one goes on.
    if (sidecar.manager.state !== "stopped") continue;
    if (++stopped > 5) break;
    await sidecar.end();
    sidecar = await start();
  }
  await sidecar.end();
  console.log(Object.fromEntries(statuses));
  expect(statuses.get(400)).toBeGreaterThan(0);
  expect(statuses.get(200)).toBeGreaterThan(0);
});
