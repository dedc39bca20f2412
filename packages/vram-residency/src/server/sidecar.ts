import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import type { Readable } from "node:stream";
import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { type VramErrorCode, VramResidencyError, isVramResidencyError, verificationError } from "../errors.js";
import type { SealOptions } from "../manager-options.js";
import type { ModelSource } from "../model-source.js";
import type { TensorDigest } from "../safetensors.js";
import type { SealedHandle } from "../sealed-handle.js";
import type { SealedShard, SealedShardFields, VerificationTier } from "../verify/index.js";
import type { VramManager } from "../vram-manager.js";
import {
  adoptBody,
  attestBody,
  attestReply,
  commitBody,
  commitReply,
  errorReply,
  healthReply,
  planBody,
  planReply,
  readyQuery,
  readyReply,
  releaseReply,
  shardParams,
  uploadQuery,
  verifyBody,
  verifyReply,
} from "./api-schemas.js";
import { residencyRegistry } from "./metrics-text.js";
import { resolveModelPath } from "./model-roots.js";

export interface SidecarOptions {
  /** Folders that a commit may name files in; none unless given, so that bytes must be sent or adopted. */
  readonly modelRoots?: readonly string[];
  /** What clients must present as a bearer token; null where the socket's permissions decide who may connect. */
  readonly token: string | null;
  /** Serve `/metrics` without a token. */
  readonly openMetrics?: boolean;
  /** Version for the OpenAPI document. */
  readonly version: string;
}

const UPLOAD = "application/octet-stream";
const MAX_JSON_BYTES = 32 * 2 ** 20;
const OPEN_ROUTES = new Set(["/healthz"]);

const STATUS: Readonly<Partial<Record<VramErrorCode, number>>> = {
  insufficient_vram: 507,
  cuda_allocation_failed: 507,
  seal_verification_failed: 409,
  integrity_violation: 409,
  not_sealed: 409,
  duplicate_model: 409,
  invalid_input: 400,
  worker_stopped: 503,
  disposed: 503,
  policy_violation: 503,
};

interface CommitFacts {
  readonly model_ref?: string;
  readonly shard_id?: string;
  readonly shard_index?: number;
  readonly total_shards?: number;
  readonly expected_digest?: string;
  readonly expected_tree_digest?: string;
  readonly tensors?: "safetensors";
}

/**
 * The sidecar's HTTP interface over a manager: plan, commit, ready, verify, attest, release, health and metrics. It owns
 * what was committed and fails closed: after a verification that failed, everything but health, metrics and release is
 * refused. The caller listens and closes; closing lets go of all that was committed.
 */
export async function createSidecar(manager: VramManager, options: SidecarOptions): Promise<FastifyInstance> {
  const held = new Map<string, SealedHandle[]>();
  const registry = residencyRegistry(manager);
  const app = Fastify({
    logger: false,
    bodyLimit: MAX_JSON_BYTES,
    genReqId: (request) => correlationId(request.headers["x-correlation-id"]),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: true } },
  });
  // Queries are texts: their numbers are read as such, bodies are taken as they are.
  app.addContentTypeParser(UPLOAD, { bodyLimit: Number.MAX_SAFE_INTEGER }, (_request, payload, done) =>
    done(null, payload),
  );
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "vrx residency",
        version: options.version,
        description: "Model bytes sealed in VRAM, and evidence that they still are.",
      },
      components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
      security: options.token === null ? [] : [{ bearer: [] }],
    },
  });

  app.addHook("onRequest", async (request, reply) => {
    // A reply can be awaited, which waits until it is sent: what is set on it is not.
    void reply.header("x-correlation-id", request.id);
    const path = request.routeOptions.url ?? "";
    if (options.token === null || OPEN_ROUTES.has(path) || (options.openMetrics === true && path === "/metrics"))
      return;
    if (!hasToken(request, options.token)) {
      await reply.code(401).header("www-authenticate", "Bearer").send({
        code: "AUTH_FAILED",
        message: "expected the bearer token of this worker",
        retriable: false,
        retry_after_ms: null,
        correlation_id: request.id,
      });
    }
  });
  app.setErrorHandler(async (error, request, reply) => await sendError(error, request, reply));
  app.addHook("onClose", (_app, done) => {
    for (const handle of [...held.values()].flat()) handle.dispose();
    held.clear();
    done();
  });

  const hold = (handle: SealedHandle): object => {
    const { shard, tree_digest, existing, tensors } = handle;
    held.set(shard.shard_id, [...(held.get(shard.shard_id) ?? []), handle]);
    return { shard: shard.toJSON(), tree_digest, existing, tensors: tensors.length };
  };
  const commit = async (source: ModelSource, facts: CommitFacts, more: SealOptions): Promise<object> => {
    requireServing(manager);
    const seal: SealOptions = { ...sealOptions(facts), ...more };
    const { shard_index, total_shards } = facts;
    if (shard_index === undefined && total_shards === undefined) return hold(await manager.sealModel(source, seal));
    return hold(await manager.sealModelShard(source, shard_index ?? -1, total_shards ?? -1, seal));
  };
  const shardOf = (shard_id: string): SealedShard => {
    const shard = manager.shards().find((one) => one.shard_id === shard_id);
    if (shard === undefined) throw verificationError(shard_id, "unknown_allocation");
    return shard;
  };
  const replies = (reply: object, code = 200): object => ({ [code]: reply, "4xx": errorReply, "5xx": errorReply });

  app.post<{ Body: { bytes: number; total_shards?: number } }>(
    "/v1/plan",
    { schema: { summary: "Whether a model fits", body: planBody, response: replies(planReply) } },
    ({ body }) => {
      const vram_required = Math.ceil(body.bytes / (body.total_shards ?? 1));
      const vram_available = manager.availableVram();
      const feasible = vram_required <= vram_available && manager.state !== "stopped";
      const shard_plan = feasible ? [{ gpu_device: manager.device.ordinal, vram_bytes: vram_required }] : [];
      return { feasible, vram_required, vram_available, shard_plan };
    },
  );
  app.post<{ Body: CommitFacts & { path: string } }>(
    "/v1/commit",
    { schema: { summary: "Seal a model file", body: commitBody, response: replies(commitReply, 201) } },
    async ({ body, id }, reply) => {
      const path = await resolveModelPath(body.path, options.modelRoots ?? []);
      return await reply.code(201).send(await commit(path, body, { correlation_id: id }));
    },
  );
  app.put<{ Querystring: Record<string, string>; Body: Readable }>(
    "/v1/commit",
    {
      schema: {
        summary: "Seal the bytes of the request's body",
        consumes: [UPLOAD],
        querystring: queryOf(uploadQuery),
        response: replies(commitReply, 201),
      },
    },
    async (request, reply) => {
      const given = new AbortController();
      request.raw.once("close", () => {
        if (!request.raw.complete) given.abort();
      });
      const length = request.headers["content-length"];
      const more = {
        correlation_id: request.id,
        signal: given.signal,
        ...(length === undefined ? {} : { bytes: Number(length) }),
      };
      return await reply.code(201).send(await commit(request.body, numbered(request.query), more));
    },
  );
  app.post<{
    Body: {
      socket: string;
      tensors: TensorDigest[];
      model_ref?: string;
      shard_id?: string;
      expected_digest?: string;
      expected_tree_digest?: string;
    };
  }>(
    "/v1/adopt",
    {
      schema: {
        summary: "Seal bytes that another process holds on this GPU",
        body: adoptBody,
        response: replies(commitReply, 201),
      },
    },
    async ({ body, id }, reply) => {
      requireServing(manager);
      const { socket, tensors, ...facts } = body;
      return await reply
        .code(201)
        .send(hold(await manager.adopt(socket, tensors, { ...sealOptions(facts), correlation_id: id })));
    },
  );
  app.get<{ Querystring: { tier?: VerificationTier } }>(
    "/v1/ready",
    {
      schema: {
        summary: "Whether the worker may serve: something is sealed and verifies",
        querystring: readyQuery,
        response: { 200: readyReply, 503: readyReply },
      },
    },
    async ({ query, id }, reply) => {
      const shards = manager.shards();
      const reasons = shards.length === 0 ? ["nothing is sealed"] : [];
      if (["stopped", "draining"].includes(manager.state)) reasons.push(`the worker is ${manager.state}`);
      for (const shard of reasons.length === 0 ? shards : []) {
        const verification = await manager.verifySealed(shard, { tier: query.tier ?? "leaves", correlation_id: id });
        if (verification.status === "failed") reasons.push(`${shard.shard_id}: ${verification.reason}`);
      }
      if (reasons.length > 0 && shards.length > 0) stop(manager);
      const { state, device } = manager;
      return await reply.code(reasons.length === 0 ? 200 : 503).send({
        ready: reasons.length === 0,
        state,
        simulated: device.simulated,
        shards: shards.map((shard) => shard.toJSON()),
        reasons,
      });
    },
  );
  app.post<{
    Body: {
      shard_id: string;
      shard?: SealedShardFields;
      tier?: VerificationTier;
      leaves?: number;
      incremental?: boolean;
      max_age_s?: number;
    };
  }>(
    "/v1/verify",
    { schema: { summary: "Verify a shard, before every execution", body: verifyBody, response: replies(verifyReply) } },
    async ({ body, id }) => {
      requireServing(manager);
      const { shard_id, shard = shardOf(shard_id), tier, leaves, incremental, max_age_s } = body;
      const verification = await manager.verifySealed(shard, {
        correlation_id: id,
        ...(tier === undefined ? {} : { tier }),
        ...(leaves === undefined ? {} : { leaves }),
        ...(incremental === undefined ? {} : { incremental }),
        ...(max_age_s === undefined ? {} : { maxAge_s: max_age_s }),
      });
      if (verification.status === "verified") return verification;
      stop(manager);
      throw verificationError(shard_id, verification.reason);
    },
  );
  app.post<{ Body: { shard_id: string; nonce: string; tier?: VerificationTier } }>(
    "/v1/attest",
    {
      schema: {
        summary: "A signed statement about a shard over the caller's nonce",
        body: attestBody,
        response: replies(attestReply),
      },
    },
    async ({ body, id }) => {
      requireServing(manager);
      const { shard_id, nonce, tier } = body;
      try {
        return await manager.attestVramResidency(shardOf(shard_id), {
          nonce,
          correlation_id: id,
          ...(tier === undefined ? {} : { tier }),
        });
      } catch (error) {
        if (isVramResidencyError(error) && error.fatal) stop(manager);
        throw error;
      }
    },
  );
  app.delete<{ Params: { shard_id: string } }>(
    "/v1/shards/:shard_id",
    {
      schema: {
        summary: "Let go of a shard; the last commit that held it frees it",
        params: shardParams,
        response: replies(releaseReply),
      },
    },
    ({ params: { shard_id } }) => {
      const handles = held.get(shard_id) ?? [];
      const handle = handles.pop();
      if (handle === undefined)
        throw new VramResidencyError("invalid_input", `${shard_id} is not held here`, { details: { status: 404 } });
      if (handles.length === 0) held.delete(shard_id);
      handle.dispose();
      return { shard_id, released: handles.length === 0 };
    },
  );
  app.get(
    "/healthz",
    {
      schema: {
        summary: "Health of the worker; no token",
        security: [],
        response: { 200: healthReply, 503: healthReply },
      },
    },
    async (_request, reply) => {
      const { status, resident, vram_bytes_used, last_check_secs } = manager.health();
      return await reply
        .code(status === "healthy" ? 200 : 503)
        .send({ status, resident, vram_bytes_used, last_check_secs });
    },
  );
  app.get("/metrics", { schema: { summary: "Figures for Prometheus" } }, async (_request, reply) => {
    return await reply.header("content-type", registry.contentType).send(await registry.metrics());
  });
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
  await app.ready();
  return app;
}

/** After this the manager refuses to seal and the sidecar to verify: whoever looks at the worker replaces it. */
function stop(manager: VramManager): void {
  if (manager.state !== "stopped") manager.transition("stopped");
}

function requireServing(manager: VramManager): void {
  if (manager.state === "stopped" || manager.state === "draining") {
    throw new VramResidencyError("worker_stopped", `the worker is ${manager.state}: start another one`);
  }
}

function sealOptions(facts: CommitFacts): SealOptions {
  const { model_ref, shard_id, expected_digest, expected_tree_digest, tensors } = facts;
  return {
    ...(model_ref === undefined ? {} : { model_ref }),
    ...(shard_id === undefined ? {} : { shard_id }),
    ...(tensors === undefined ? {} : { tensors }),
    expected: {
      ...(expected_digest === undefined ? {} : { digest: expected_digest }),
      ...(expected_tree_digest === undefined ? {} : { tree_digest: expected_tree_digest }),
    },
  };
}

/** A query has texts where a body has numbers. */
function queryOf(schema: object): object {
  const text = JSON.stringify(schema, (_key, value: unknown) =>
    typeof value === "object" && value !== null && "type" in value && value.type === "integer"
      ? { type: "string", pattern: "^\\d{1,4}$" }
      : value,
  );
  return JSON.parse(text) as object;
}

function numbered(query: Readonly<Record<string, string>>): CommitFacts {
  const { shard_index, total_shards, ...texts } = query;
  return {
    ...(texts as CommitFacts),
    ...(shard_index === undefined ? {} : { shard_index: Number(shard_index) }),
    ...(total_shards === undefined ? {} : { total_shards: Number(total_shards) }),
  };
}

function hasToken(request: FastifyRequest, token: string): boolean {
  const [scheme, given] = (request.headers.authorization ?? "").split(" ");
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return scheme?.toLowerCase() === "bearer" && given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function correlationId(given: string | readonly string[] | undefined): string {
  return typeof given === "string" && /^[A-Za-z0-9._:-]{1,128}$/u.test(given) ? given : randomUUID();
}

async function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const correlation_id = request.id;
  if (isVramResidencyError(error)) {
    const worker = error.toWorkerError();
    const status = typeof error.details["status"] === "number" ? error.details["status"] : (STATUS[error.code] ?? 500);
    if (worker.retry_after_ms !== null) void reply.header("retry-after", Math.ceil(worker.retry_after_ms / 1000));
    const { reason } = error.details;
    return await reply
      .code(status)
      .send({ ...worker, ...(typeof reason === "string" ? { reason } : {}), correlation_id });
  }
  const { statusCode = 500, message = "" } = error as { readonly statusCode?: number; readonly message?: string };
  const ours = statusCode < 500;
  return await reply.code(ours ? statusCode : 500).send({
    code: ours ? "INVALID_PARAMS" : "INTERNAL",
    message: ours ? message : "the worker has a defect: see its log",
    retriable: false,
    retry_after_ms: null,
    correlation_id,
  });
}
