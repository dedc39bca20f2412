import { createHash } from "node:crypto";
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** SHA-256 of bytes that arrive in pieces. It is serial: one core's speed, whatever else is done meanwhile. */
export interface FlatHash extends Disposable {
  /** Resolves once the piece is hashed. */
  update(piece: Uint8Array): Promise<void>;
  /** 64 hexadecimal digits; ends it. */
  finish(): Promise<string>;
}

/** From a first piece of this length on a thread pays; what has a shorter one ends with it. */
const THREAD_BYTES = 8 * 2 ** 20;

/** Starts a hash for what begins with such a piece: on this thread where it is short, on one of its own otherwise. */
export function flatHashFor(first: Uint8Array): FlatHash {
  return first.length < THREAD_BYTES ? new InlineHash() : new ThreadHash();
}

/** Hashes in slices, so that nothing else waits for long. */
class InlineHash implements FlatHash {
  readonly #hash = createHash("sha256");

  async update(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; at += SLICE_BYTES) {
      this.#hash.update(piece.subarray(at, at + SLICE_BYTES));
      await new Promise(setImmediate);
    }
  }

  finish(): Promise<string> {
    return Promise.resolve(this.#hash.digest("hex"));
  }

  [Symbol.dispose](): void {
    // It holds nothing.
  }
}

const SLICE_BYTES = 2 ** 20;

/** The thread is a text, so that it is there however this package is bundled. */
const PROGRAM = `
  const { parentPort } = require("node:worker_threads");
  const hash = require("node:crypto").createHash("sha256");
  parentPort.on("message", (piece) => {
    if (piece === null) return parentPort.postMessage(hash.digest("hex"));
    hash.update(piece);
    parentPort.postMessage(null);
  });`;

/** Hashes on a thread of its own: the leaves are hashed meanwhile, and several models side by side. */
class ThreadHash implements FlatHash {
  readonly #thread = new Worker(PROGRAM, { eval: true, env: {}, execArgv: [] });

  constructor() {
    this.#thread.unref();
    // What fails is told to whoever waits for an answer.
    this.#thread.on("error", () => undefined);
  }

  async update(piece: Uint8Array): Promise<void> {
    // A copy goes over, so that the piece stays with whoever copies it to the device (`slice` of a Buffer is none).
    const copy = new Uint8Array(piece);
    this.#thread.postMessage(copy, [copy.buffer]);
    await this.#answer();
  }

  async finish(): Promise<string> {
    this.#thread.postMessage(null);
    const digest = String(await this.#answer());
    this[Symbol.dispose]();
    return digest;
  }

  [Symbol.dispose](): void {
    void this.#thread.terminate();
  }

  async #answer(): Promise<unknown> {
    this.#thread.ref();
    try {
      const [answer] = (await once(this.#thread, "message")) as unknown[];
      return answer;
    } finally {
      this.#thread.unref();
    }
  }
}
