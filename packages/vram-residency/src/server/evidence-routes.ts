import { isVramResidencyError, verificationError } from "../errors.js";
import type { SealedShard, SealedShardFields, VerificationTier } from "../verify/index.js";
import type { VramManager } from "../vram-manager.js";
import { attestBody, attestReply, readyQuery, readyReply, replies, verifyBody, verifyReply } from "./api-schemas.js";
import { type Sidecar, requireServing } from "./sidecar-parts.js";

/** What says that bytes are still what was sealed: ready, verify, attest. A failure stops the worker. */
export function addEvidenceRoutes({ app, manager }: Sidecar): void {
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
      const { shard_id, shard = shardOf(manager, shard_id), tier, leaves, incremental, max_age_s } = body;
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
        return await manager.attestVramResidency(shardOf(manager, shard_id), {
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
}

/** After this the manager refuses to seal and the sidecar to verify: whoever looks at the worker replaces it. */
function stop(manager: VramManager): void {
  if (manager.state !== "stopped") manager.transition("stopped");
}

function shardOf(manager: VramManager, shard_id: string): SealedShard {
  const shard = manager.shards().find((one) => one.shard_id === shard_id);
  if (shard === undefined) throw verificationError(shard_id, "unknown_allocation");
  return shard;
}
