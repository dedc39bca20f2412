/** How many step times are kept: the heartbeat's threshold needs an idea of the median, not all of them. */
const KEPT = 1000;

/** The upper median of the first 1000 values it is given. */
export class RunningMedian {
  readonly #sorted: number[] = [];

  /** The median with this value in it; null once enough values were seen. */
  add(value: number): number | null {
    if (this.#sorted.length >= KEPT) return null;
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    this.#sorted.splice(low, 0, value);
    return this.#sorted[Math.floor(this.#sorted.length / 2)] ?? null;
  }
}
