import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type SidecarOptions, createSidecar, listen } from "../src/server/index.js";
import { testVramManager } from "../src/testing/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const ends: (() => PromiseLike<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function sidecar(options: Partial<SidecarOptions> = {}, ...made: Parameters<typeof testVramManager>) {
  const folder = temporaryFolder();
  const models = join(folder, "models");
  mkdirSync(models);
  const test = await testVramManager(...made);
  ends.push(() => test[Symbol.asyncDispose]());
  const app = await createSidecar(test.manager, { token: null, modelRoots: [models], version: "0", ...options });
  ends.push(() => app.close());
  const ask = async (
    method: "GET" | "POST" | "PUT" | "DELETE",
    url: string,
    payload?: object | Buffer,
    headers: Record<string, string> = {},
  ) => {
    const sent =
      payload === undefined
        ? {}
        : {
            payload,
            headers: {
              ...(Buffer.isBuffer(payload) ? { "content-type": "application/octet-stream" } : {}),
              ...headers,
            },
          };
    const reply = await app.inject({ method, url, headers, ...sent });
    return {
      status: reply.statusCode,
      headers: reply.headers,
      text: reply.body,
      body: reply.body.startsWith("{") ? reply.json<Record<string, never>>() : ({} as Record<string, never>),
    };
  };
  return { ...test, app, ask, folder, models };
}

describe("the sidecar", () => {
  it("plans, commits, is ready, verifies, attests and releases", async () => {
    const { ask, models, manager } = await sidecar();
    const bytes = randomBytes(10_000);
    writeFileSync(join(models, "m.bin"), bytes);
    expect((await ask("GET", "/v1/ready")).body).toMatchObject({ ready: false, reasons: ["nothing is sealed"] });
    expect((await ask("POST", "/v1/plan", { bytes: 10_000 })).body).toMatchObject({
      feasible: true,
      vram_required: 10_000,
      shard_plan: [{ gpu_device: 0 }],
    });
    expect((await ask("POST", "/v1/plan", { bytes: 2 ** 50 })).body).toMatchObject({ feasible: false, shard_plan: [] });
    const digest = createHash("sha256").update(bytes).digest("hex");
    const committed = await ask(
      "POST",
      "/v1/commit",
      { path: "m.bin", model_ref: "m", expected_digest: digest },
      { "x-correlation-id": "req-1" },
    );
    expect(committed).toMatchObject({ status: 201, body: { existing: false, shard: { digest, vram_bytes: 10_000 } } });
    expect(committed.headers["x-correlation-id"]).toBe("req-1");
    const { shard } = committed.body as unknown as { shard: { shard_id: string } };
    expect(await ask("GET", "/v1/ready")).toMatchObject({ status: 200, body: { ready: true, simulated: true } });
    expect((await ask("POST", "/v1/verify", { shard_id: shard.shard_id, shard })).body).toMatchObject({
      status: "verified",
      tier: "tree",
    });
    const nonce = "ab".repeat(32);
    expect((await ask("POST", "/v1/attest", { shard_id: shard.shard_id, nonce })).body).toHaveProperty("envelope");
    expect((await ask("DELETE", `/v1/shards/${shard.shard_id}`)).body).toEqual({
      shard_id: shard.shard_id,
      released: true,
    });
    expect(manager.usedVram()).toBe(0);
    expect(await ask("DELETE", `/v1/shards/${shard.shard_id}`)).toMatchObject({
      status: 404,
      body: { code: "INVALID_PARAMS" },
    });
  });

  it("takes the bytes themselves", async () => {
    const { ask } = await sidecar();
    const bytes = randomBytes(3_000_000);
    const { status, body } = await ask("PUT", "/v1/commit?model_ref=m&shard_index=1&total_shards=2", bytes);
    expect([status, body]).toMatchObject([201, { shard: { vram_bytes: 3_000_000, shard_index: 1, total_shards: 2 } }]);
  });

  it("opens no file outside of the model roots", async () => {
    const { ask, folder, models } = await sidecar();
    writeFileSync(join(folder, "secret"), "x");
    symlinkSync(join(folder, "secret"), join(models, "link"));
    for (const path of ["../secret", join(folder, "secret"), "link", "/etc/passwd", "none", ".", "a\0b"]) {
      const reply = await ask("POST", "/v1/commit", { path });
      expect(reply, path).toMatchObject({
        status: 400,
        body: { code: "INVALID_PARAMS", message: expect.stringMatching(/model roots/u) as string },
      });
    }
  });

  it("stops when a seal is broken, and says so to everybody", async () => {
    const { ask, driver, manager } = await sidecar();
    const { body } = await ask("PUT", "/v1/commit", randomBytes(9000));
    const { shard_id } = (body as unknown as { shard: { shard_id: string } }).shard;
    driver.flipBit({ allocation: -1, offset: 8191 });
    expect(await ask("POST", "/v1/verify", { shard_id })).toMatchObject({
      status: 409,
      body: { code: "SEAL_VERIFICATION_FAILED", reason: "digest_mismatch", retriable: false },
    });
    expect(manager.state).toBe("stopped");
    expect(await ask("POST", "/v1/verify", { shard_id })).toMatchObject({ status: 503 });
    expect(await ask("PUT", "/v1/commit", randomBytes(10))).toMatchObject({ status: 503 });
    expect(await ask("GET", "/v1/ready")).toMatchObject({ status: 503, body: { ready: false } });
    expect(await ask("GET", "/healthz")).toMatchObject({ status: 503, body: { status: "unhealthy" } });
    expect((await ask("DELETE", `/v1/shards/${shard_id}`)).status).toBe(200);
  });

  it("tells VRAM that is full from everything else", async () => {
    const { ask } = await sidecar({}, { capacity_bytes: 1000 });
    expect(await ask("PUT", "/v1/commit", randomBytes(1001))).toMatchObject({
      status: 507,
      body: { code: "VRAM_OOM", retriable: true, retry_after_ms: 1000 },
      headers: { "retry-after": "1" },
    });
    expect(await ask("POST", "/v1/commit", { path: 7, more: 1 })).toMatchObject({
      status: 400,
      body: { code: "INVALID_PARAMS" },
    });
    expect((await ask("POST", "/v1/verify", { shard_id: "a/b" })).status).toBe(400);
    expect((await ask("GET", "/nothing")).status).toBe(404);
  });

  it("lets nobody in without the token, but for health", async () => {
    const { ask } = await sidecar({ token: "secret-token" });
    for (const headers of [{}, { authorization: "Bearer wrong" }, { authorization: "secret-token" }]) {
      expect(await ask("GET", "/v1/ready", undefined, headers)).toMatchObject({
        status: 401,
        body: { code: "AUTH_FAILED" },
      });
      expect((await ask("GET", "/metrics", undefined, headers)).status).toBe(401);
    }
    expect((await ask("GET", "/healthz")).status).toBe(200);
    expect((await ask("GET", "/metrics", undefined, { authorization: "Bearer secret-token" })).status).toBe(200);
    const { ask: other } = await sidecar({ token: "secret-token", openMetrics: true });
    expect((await other("GET", "/metrics")).status).toBe(200);
  });

  it("has figures for Prometheus without digests or names", async () => {
    const { ask } = await sidecar();
    const { body } = await ask("PUT", "/v1/commit?model_ref=secret-model", randomBytes(4096));
    const { shard } = body as unknown as { shard: { shard_id: string; digest: string } };
    await ask("POST", "/v1/verify", { shard_id: shard.shard_id });
    const { text } = await ask("GET", "/metrics");
    for (const line of [
      /^vram_used_bytes\{gpu_device="0",gpu_uuid="GPU-[^"]*"\} 4096$/mu,
      /^vram_seal_operations_total\{.*result="success"\} 1$/mu,
      /^vram_verify_operations_total\{.*result="success"\} 1$/mu,
      /^vram_allocation_failures_total\{.*reason="insufficient_vram"\} 0$/mu,
      /^vram_verify_seconds_count\{.*\} 1$/mu,
      /^vram_verify_seconds_bucket\{.*le="\+Inf"\} 1$/mu,
      /^# TYPE vram_verify_seconds histogram$/mu,
      /^vram_simulated\{.*\} 1$/mu,
    ]) {
      expect(text).toMatch(line);
    }
    for (const secret of ["secret-model", shard.digest, shard.shard_id]) expect(text).not.toContain(secret);
  });

  it("describes itself by OpenAPI", async () => {
    const { ask } = await sidecar();
    const { paths, openapi } = (await ask("GET", "/openapi.json")).body as unknown as {
      paths: object;
      openapi: string;
    };
    expect(openapi).toBe("3.1.0");
    expect(Object.keys(paths).sort()).toEqual([
      "/healthz",
      "/metrics",
      "/v1/adopt",
      "/v1/attest",
      "/v1/commit",
      "/v1/plan",
      "/v1/ready",
      "/v1/shards/{shard_id}",
      "/v1/verify",
    ]);
  });

  it("listens on a socket of its own user, takes over a dead one, and no living one", async () => {
    const { app, folder } = await sidecar();
    const socket = join(folder, "s.sock");
    await listen(app, { socket });
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const status = await new Promise((resolve, reject) => {
      request({ socketPath: socket, path: "/healthz" }, (reply) => resolve(reply.resume().statusCode))
        .once("error", reject)
        .end();
    });
    expect(status).toBe(200);
    const { app: second } = await sidecar();
    await expect(listen(second, { socket })).rejects.toThrow(/another worker/u);
    writeFileSync(join(folder, "file"), "");
    await expect(listen(second, { socket: join(folder, "file") })).rejects.toThrow(/another kind/u);
  });

  it("neither loses nor doubles a seal when many commit at once", async () => {
    const { ask, manager } = await sidecar({}, { capacity_bytes: 12 * 100_000 });
    const models = Array.from({ length: 16 }, () => randomBytes(100_000));
    const replies = await Promise.all(
      [...models, ...models.slice(0, 4)].map((bytes) => ask("PUT", "/v1/commit", bytes)),
    );
    const statuses = replies.map(({ status }) => status);
    expect(statuses.every((status) => status === 201 || status === 507)).toBe(true);
    const ids = replies
      .filter(({ status }) => status === 201)
      .map(({ body }) => (body as unknown as { shard: { shard_id: string } }).shard.shard_id);
    expect(new Set(ids)).toEqual(new Set(manager.shards().map(({ shard_id }) => shard_id)));
    expect(manager.usedVram()).toBe(100_000 * manager.shards().length);
    for (const id of ids) expect((await ask("DELETE", `/v1/shards/${id}`)).status).toBe(200);
    expect(manager.usedVram()).toBe(0);
  });
});
