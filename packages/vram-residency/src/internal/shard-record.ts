import type { DeviceBuffer } from "@vrx/native-cuda";
import type { TensorDigest } from "../safetensors.js";
import type { SealContext, SealedShard } from "../verify/index.js";
import type { Reservation } from "../vram-budget.js";

/** What a manager knows of a shard and tells nobody: where its bytes are, its tag, and the digests of its leaves. */
export interface ShardRecord {
  readonly shard: SealedShard;
  readonly context: SealContext;
  readonly key_id: string;
  readonly tag: Uint8Array;
  readonly buffer: DeviceBuffer;
  /** Null for bytes that belong to another process: they are read, and never freed or wiped here. */
  readonly reservation: Reservation | null;
  /** 32 bytes per leaf of 4096; what sampled verification compares with. */
  readonly leaves: Uint8Array;
  readonly tensors: readonly TensorDigest[];
  /** Whether a verification of all bytes succeeded (sealing is one) and none failed since. */
  verified_in_full: boolean;
  /** How many handles hold it. */
  holders: number;
}
