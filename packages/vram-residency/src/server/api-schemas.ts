/** JSON Schemas of what the sidecar takes and gives; requests are checked by them, and the OpenAPI document is made of them. */

const digits = { type: "string", pattern: "^[0-9a-f]{64}$" } as const;
const shardId = { type: "string", pattern: "^[A-Za-z0-9_-]{1,256}$" } as const;
const tier = { type: "string", enum: ["signature", "leaves", "tree", "read_back"] } as const;
const bytes = { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER } as const;
const nullable = <T extends object>(schema: T): { readonly anyOf: readonly [T, { readonly type: "null" }] } => ({
  anyOf: [schema, { type: "null" }],
});
const object = (required: readonly string[], properties: object): object => ({
  type: "object",
  additionalProperties: false,
  required,
  properties,
});

const shard = object(["shard_id", "gpu_device", "vram_bytes", "digest", "sealed_at", "shard_index", "total_shards"], {
  shard_id: shardId,
  gpu_device: { type: "integer", minimum: 0, maximum: 15 },
  vram_bytes: bytes,
  digest: { type: "string", pattern: "^(?:[0-9a-f]{64})?$" },
  sealed_at: nullable({ type: "string" }),
  shard_index: nullable({ type: "integer", minimum: 0 }),
  total_shards: nullable({ type: "integer", minimum: 1 }),
  sealed: { type: "boolean" },
});

const place = {
  model_ref: { type: "string", maxLength: 1024 },
  shard_id: shardId,
  shard_index: { type: "integer", minimum: 0, maximum: 1023 },
  total_shards: { type: "integer", minimum: 1, maximum: 1024 },
};
const expected = { expected_digest: digits, expected_tree_digest: digits };

export const planBody = object(["bytes"], { bytes, total_shards: { type: "integer", minimum: 1, maximum: 1024 } });
export const planReply = object(["feasible", "vram_required", "vram_available", "shard_plan"], {
  feasible: { type: "boolean" },
  vram_required: { type: "integer" },
  vram_available: { type: "integer" },
  shard_plan: {
    type: "array",
    items: object(["gpu_device", "vram_bytes"], { gpu_device: { type: "integer" }, vram_bytes: { type: "integer" } }),
  },
});

/** Of a commit that names a file; one that sends the bytes has the same in its query. */
export const commitBody = object(["path"], {
  path: { type: "string", minLength: 1, maxLength: 4096 },
  ...place,
  ...expected,
  expected_fs_verity: { type: "boolean", description: "It must have the digest that the kernel enforces for the file" },
  tensors: { type: "string", enum: ["safetensors"] },
});
export const uploadQuery = object([], { ...place, ...expected, tensors: { type: "string", enum: ["safetensors"] } });
export const adoptBody = object(["socket", "tensors"], {
  socket: { type: "string", minLength: 1, maxLength: 4096 },
  model_ref: place.model_ref,
  shard_id: shardId,
  ...expected,
  tensors: {
    type: "array",
    minItems: 1,
    maxItems: 100_000,
    items: object(["name", "offset", "bytes", "tree_digest"], {
      name: { type: "string", maxLength: 1024 },
      offset: { type: "integer", minimum: 0 },
      bytes: { type: "integer", minimum: 0 },
      tree_digest: digits,
    }),
  },
});
export const commitReply = object(["shard", "envelope", "tree_digest", "existing", "tensors"], {
  shard,
  envelope: {
    type: "object",
    additionalProperties: true,
    description: "The seal, signed, as verifySealEnvelope and verifyGroupSeals take it",
  },
  tree_digest: digits,
  existing: { type: "boolean" },
  tensors: { type: "integer", description: "How many tensors have digests of their own" },
});

export const readyReply = object(["ready", "state", "simulated", "shards", "reasons"], {
  ready: { type: "boolean" },
  state: { type: "string" },
  simulated: { type: "boolean" },
  shards: { type: "array", items: shard },
  reasons: { type: "array", items: { type: "string" }, description: "Why it is not ready" },
});
export const readyQuery = object([], { tier });

export const verifyBody = object(["shard_id"], {
  shard_id: shardId,
  shard: { ...shard, description: "The descriptor as it was given out: a changed one is refused" },
  tier,
  leaves: { type: "integer", minimum: 1, maximum: 10_000_000 },
  incremental: { type: "boolean" },
  max_age_s: { type: "number", minimum: 0 },
});
export const verifyReply = object(["status", "shard_id", "tier"], {
  status: { type: "string", enum: ["verified"] },
  shard_id: shardId,
  tier,
  assumption: { type: "string" },
  began_at: nullable({ type: "string" }),
  ended_at: nullable({ type: "string" }),
  leaves_checked: { type: "integer" },
  leaves_total: { type: "integer" },
  miss_probability_one_leaf: { type: "number" },
});

export const attestBody = object(["shard_id", "nonce"], {
  shard_id: shardId,
  nonce: { ...digits, pattern: "^[0-9a-fA-F]{64}$" },
  tier,
});
export const attestReply = {
  type: "object",
  additionalProperties: true,
  description: "An attestation, as verifyAttestation takes it",
};

export const shardParams = object(["shard_id"], { shard_id: shardId });
export const releaseReply = object(["shard_id", "released"], {
  shard_id: shardId,
  released: { type: "boolean", description: "False where other commits still hold it" },
});
export const healthReply = object(["status", "resident", "vram_bytes_used", "last_check_secs"], {
  status: { type: "string", enum: ["healthy", "unhealthy"] },
  resident: { type: "boolean" },
  vram_bytes_used: { type: "integer" },
  last_check_secs: nullable({ type: "integer" }),
});
const errorReply = object(["code", "message", "retriable", "retry_after_ms"], {
  code: { type: "string" },
  message: { type: "string" },
  reason: { type: "string" },
  retriable: { type: "boolean" },
  retry_after_ms: nullable({ type: "integer" }),
  correlation_id: { type: "string" },
});

/** The replies of a route: its own, and errors. */
export function replies(reply: object, code = 200): object {
  return { [code]: reply, "4xx": errorReply, "5xx": errorReply };
}
