import { randomUUID } from "node:crypto";
import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance } from "fastify";
import type { VramManager } from "../vram-manager.js";
import { hasToken } from "./bearer-token.js";
import { sendError } from "./error-reply.js";
import { addEvidenceRoutes } from "./evidence-routes.js";
import { HeldShards } from "./held-shards.js";
import { UPLOAD, addModelRoutes } from "./model-routes.js";
import type { Sidecar } from "./sidecar-parts.js";
import { addWatchRoutes } from "./watch-routes.js";

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

const MAX_JSON_BYTES = 32 * 2 ** 20;
const OPEN_ROUTES = new Set(["/healthz"]);

/**
 * The sidecar's HTTP interface over a manager: plan, commit, ready, verify, attest, release, health and metrics. It owns
 * what was committed and fails closed: after a verification that failed, everything but health, metrics and release is
 * refused. The caller listens and closes; closing lets go of all that was committed.
 */
export async function createSidecar(manager: VramManager, options: SidecarOptions): Promise<FastifyInstance> {
  const held = new HeldShards();
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
    held.letGoOfAll();
    done();
  });

  const sidecar: Sidecar = { app, manager, held, modelRoots: options.modelRoots ?? [] };
  addModelRoutes(sidecar);
  addEvidenceRoutes(sidecar);
  addWatchRoutes(sidecar);
  await app.ready();
  return app;
}

function correlationId(given: string | readonly string[] | undefined): string {
  return typeof given === "string" && /^[A-Za-z0-9._:-]{1,128}$/u.test(given) ? given : randomUUID();
}
