import type { Readable } from "node:stream";
import { VramResidencyError } from "../errors.js";
import type { SealOptions } from "../manager-options.js";
import type { ModelSource } from "../model-source.js";
import type { TensorDigest } from "../safetensors.js";
import type { SealedHandle } from "../sealed-handle.js";
import {
  adoptBody,
  commitBody,
  commitReply,
  planBody,
  planReply,
  releaseReply,
  replies,
  shardParams,
  uploadQuery,
} from "./api-schemas.js";
import { resolveModelPath } from "./model-roots.js";
import { type Sidecar, requireServing } from "./sidecar-parts.js";

/** The media type of a model's bytes as a request's body. */
export const UPLOAD = "application/octet-stream";

interface SealFacts {
  readonly model_ref?: string;
  readonly shard_id?: string;
  readonly expected_digest?: string;
  readonly expected_tree_digest?: string;
}

interface CommitFacts extends SealFacts {
  readonly shard_index?: number;
  readonly total_shards?: number;
  readonly expected_fs_verity?: boolean;
  readonly tensors?: "safetensors";
}

/** What brings bytes into VRAM and lets go of them: plan, commit, adopt, release. */
export function addModelRoutes({ app, manager, held, modelRoots }: Sidecar): void {
  const hold = (handle: SealedHandle): object => {
    held.hold(handle);
    const { shard, tree_digest, existing, tensors } = handle;
    return { shard, envelope: manager.sealEnvelope(shard), tree_digest, existing, tensors: tensors.length };
  };
  const commit = async (source: ModelSource, facts: CommitFacts, more: SealOptions): Promise<object> => {
    requireServing(manager);
    const seal: SealOptions = { ...sealOptions(facts), ...more };
    const { shard_index, total_shards } = facts;
    if (shard_index === undefined && total_shards === undefined) return hold(await manager.sealModel(source, seal));
    return hold(await manager.sealModelShard(source, shard_index ?? -1, total_shards ?? -1, seal));
  };

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
      const path = await resolveModelPath(body.path, modelRoots);
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
  app.post<{ Body: SealFacts & { socket: string; tensors: TensorDigest[] } }>(
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
      const left = held.letGo(shard_id);
      if (left === null)
        throw new VramResidencyError("invalid_input", `${shard_id} is not held here`, { details: { status: 404 } });
      return { shard_id, released: left === 0 };
    },
  );
}

function sealOptions(facts: CommitFacts): SealOptions {
  const { model_ref, shard_id, expected_digest, expected_tree_digest, expected_fs_verity, tensors } = facts;
  return {
    ...(model_ref === undefined ? {} : { model_ref }),
    ...(shard_id === undefined ? {} : { shard_id }),
    ...(tensors === undefined ? {} : { tensors }),
    expected: {
      ...(expected_digest === undefined ? {} : { digest: expected_digest }),
      ...(expected_tree_digest === undefined ? {} : { tree_digest: expected_tree_digest }),
      ...(expected_fs_verity === undefined ? {} : { fs_verity: expected_fs_verity }),
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
