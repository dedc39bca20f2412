import type { TensorDigest } from "./safetensors.js";
import type { SealedShard } from "./verify/index.js";

/** Says what nobody disposed of. */
const forgotten = new FinalizationRegistry<() => void>((leaked) => {
  leaked();
});

/**
 * Ownership of sealed bytes, apart from their descriptor: the memory is wiped and freed when the last handle is disposed.
 * Disposing again has no effect, and no disposal throws. A handle that is collected without it is logged as a leak; its
 * bytes stay, since a model that is being served must not vanish because a variable did, until the manager releases them.
 */
export class SealedHandle implements Disposable {
  readonly shard: SealedShard;
  /** The fs-verity digest of the bytes. */
  readonly tree_digest: string;
  /** Digests of the tensors in it, where they were asked for. */
  readonly tensors: readonly TensorDigest[];
  /** Whether it stands for bytes that were sealed before (`duplicates: "return-existing"`). */
  readonly existing: boolean;
  readonly #release: () => void;
  #disposed = false;

  /** Made by a manager. `leaked` is called where the handle is collected and nobody disposed of it. */
  constructor(
    facts: Pick<SealedHandle, "shard" | "tree_digest" | "tensors" | "existing">,
    release: () => void,
    leaked: () => void,
  ) {
    ({ shard: this.shard, tree_digest: this.tree_digest, tensors: this.tensors, existing: this.existing } = facts);
    this.#release = release;
    forgotten.register(this, leaked, this);
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    forgotten.unregister(this);
    this.#release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
