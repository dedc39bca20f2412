import { VramResidencyError, invalidInput } from "./errors.js";
import type { SealOptions, Verification, VerifyOptions } from "./manager-options.js";
import type { ModelSource } from "./model-source.js";
import type { SealedHandle } from "./sealed-handle.js";
import { type GroupStatement, type SealEnvelope, verifyGroup } from "./verify/index.js";
import { shardFields } from "./verify/sealed-shard.js";
import type { VramManager } from "./vram-manager.js";

/** One part of a tensor-parallel model and the manager of the device it goes to. */
export interface GroupPart {
  readonly manager: VramManager;
  readonly source: ModelSource;
  readonly options?: SealOptions;
}

/** A tensor-parallel model that is sealed on several devices, owned as one. */
export interface SealedGroup extends Disposable {
  /** SHA-256 over the number of members and their digests in order. */
  readonly group_digest: string;
  /** In the order of their index. */
  readonly handles: readonly SealedHandle[];
  /** The members' seals, signed by their managers: what `verifyGroupSeals` takes, with the statement. */
  readonly envelopes: readonly SealEnvelope[];
  readonly statement: Required<GroupStatement>;
  /** Verifies all members, the devices in parallel; each has its own outcome. */
  verify(options?: VerifyOptions): Promise<readonly Verification[]>;
  dispose(): void;
}

/**
 * Seals the parts of a model in the order given, all devices in parallel. It is one or nothing: where a part fails, the
 * others are wiped and freed, and the first failure is thrown. All parts get the same model name, or none.
 */
export async function sealGroup(parts: readonly GroupPart[], model_ref?: string): Promise<SealedGroup> {
  if (parts.length === 0) throw invalidInput("a group has at least one part");
  const named = model_ref === undefined ? {} : { model_ref };
  const results = await Promise.allSettled(
    parts.map(async ({ manager, source, options }, index) => {
      return await manager.sealModelShard(source, index, parts.length, { ...options, ...named });
    }),
  );
  const handles = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const discard = (): void => {
    for (const handle of handles) handle.dispose();
  };
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) {
    discard();
    throw failure.reason;
  }
  const members = parts.map(({ manager }, index) => {
    const handle = handles[index];
    if (handle === undefined) throw new VramResidencyError("disposed", `member ${index} has no handle`);
    return { manager, shard: handle.shard };
  });
  const envelopes = members.map(({ manager, shard }) => manager.sealEnvelope(shard));
  const names = envelopes.map(({ context }) => context.model_ref);
  const verdict = verifyGroup(
    members.map(({ shard }, index) => ({ ...shardFields(shard), model_ref: names[index] ?? null })),
  );
  if (verdict.status === "failed") {
    discard();
    throw new VramResidencyError("integrity_violation", verdict.problems.map(({ message }) => message).join("; "));
  }
  const { group_digest, total_shards } = verdict;
  return {
    group_digest,
    handles,
    envelopes,
    statement: { group_digest, total_shards, model_ref: names[0] ?? null },
    verify: async (options) =>
      await Promise.all(members.map(async ({ manager, shard }) => await manager.verifySealed(shard, options))),
    dispose: discard,
    [Symbol.dispose]: discard,
  };
}
