/** Keeps the last `limit` bytes of a stream, and how many there were in all. */
export class TailBuffer {
  readonly #ring: Uint8Array;
  #total = 0;

  constructor(limit: number) {
    this.#ring = new Uint8Array(limit);
  }

  /** Bytes pushed so far, kept or not. */
  get totalBytes(): number {
    return this.#total;
  }

  push(chunk: Uint8Array): void {
    const limit = this.#ring.length;
    const kept = chunk.subarray(Math.max(0, chunk.length - limit));
    const at = (this.#total + chunk.length - kept.length) % limit;
    const head = Math.min(kept.length, limit - at);
    this.#ring.set(kept.subarray(0, head), at);
    this.#ring.set(kept.subarray(head), 0);
    this.#total += chunk.length;
  }

  /** The kept bytes as text; what is not UTF-8 becomes U+FFFD. */
  text(): string {
    const limit = this.#ring.length;
    const decoder = new TextDecoder();
    if (this.#total <= limit) return decoder.decode(this.#ring.subarray(0, this.#total));
    const at = this.#total % limit;
    return decoder.decode(this.#ring.subarray(at), { stream: true }) + decoder.decode(this.#ring.subarray(0, at));
  }
}
