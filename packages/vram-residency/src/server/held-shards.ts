import type { SealedHandle } from "../sealed-handle.js";

/** The handles of what was committed; a shard that was committed several times has as many. */
export class HeldShards {
  readonly #handles = new Map<string, SealedHandle[]>();

  hold(handle: SealedHandle): void {
    const { shard_id } = handle.shard;
    this.#handles.set(shard_id, [...(this.#handles.get(shard_id) ?? []), handle]);
  }

  /** Disposes of one handle of a shard. How many are left; null where there was none. */
  letGo(shard_id: string): number | null {
    const handles = this.#handles.get(shard_id) ?? [];
    const handle = handles.pop();
    if (handle === undefined) return null;
    if (handles.length === 0) this.#handles.delete(shard_id);
    handle.dispose();
    return handles.length;
  }

  letGoOfAll(): void {
    for (const handle of [...this.#handles.values()].flat()) handle.dispose();
    this.#handles.clear();
  }
}
