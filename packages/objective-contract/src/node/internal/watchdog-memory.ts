/**
 * What the measuring thread and its watchdog share: one word of 64 bits each. Times are nanoseconds of the
 * monotonic clock, which all threads of a process share.
 */
const words = ["state", "writing", "progress_ns", "threshold_ns", "phase", "completed", "acknowledged"] as const;

type Word = (typeof words)[number];

/** Who may still write: the run, or whoever has begun to complete it. */
export const OPEN = 0n;
export const CLOSED_BY_RUN = 1n;
export const CLOSED_BY_WATCHDOG = 2n;

/** Phases in the order in which a run passes them. */
export const phases = ["set_up", "warmup", "measure"] as const;

/** The largest number of a word: 292 years. */
const LONGEST_NS = 2n ** 63n - 1n;

/** The shared words behind names. */
export class WatchdogMemory {
  readonly #words: BigInt64Array;

  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(8 * words.length)) {
    this.#words = new BigInt64Array(buffer);
  }

  get(word: Word): bigint {
    return Atomics.load(this.#words, words.indexOf(word));
  }

  set(word: Word, value: bigint): void {
    Atomics.store(this.#words, words.indexOf(word), value);
    Atomics.notify(this.#words, words.indexOf(word));
  }

  /** Closes the run in the name of `by`; false when somebody else was first. */
  close(by: bigint): boolean {
    const first = Atomics.compareExchange(this.#words, words.indexOf("state"), OPEN, by) === OPEN;
    Atomics.notify(this.#words, words.indexOf("state"));
    return first;
  }

  /** Sleeps until the word is no longer `value`, at most so many milliseconds. Blocks the thread. */
  wait(word: Word, value: bigint, milliseconds: number): void {
    Atomics.wait(this.#words, words.indexOf(word), value, milliseconds);
  }

  /** Notes that the run has just moved. */
  beat(): void {
    Atomics.store(this.#words, words.indexOf("progress_ns"), process.hrtime.bigint());
  }

  /** The longest silence from now on; one that no word can hold is as good as none at all. */
  threshold(seconds: number): void {
    const nanoseconds = Math.ceil(seconds * 1e9);
    this.set("threshold_ns", nanoseconds < Number(LONGEST_NS) ? BigInt(nanoseconds) : LONGEST_NS);
  }
}
