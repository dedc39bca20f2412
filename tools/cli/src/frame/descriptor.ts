import { writeSync } from "node:fs";

/** Where text goes. `write` throws a system error when the text cannot be written. */
export interface Sink {
  write(text: string): void;
}

/**
 * Writes to an open descriptor, all of it before it returns: `process.stdout` costs start-up time and tells of a full
 * disk only later. A reader that went away (`vrx ... | head`) is no error: the rest is dropped.
 */
export function descriptorSink(descriptor: number): Sink {
  let closed = false;
  return {
    write(text) {
      let bytes: Uint8Array = Buffer.from(text, "utf8");
      while (bytes.length > 0 && !closed) {
        const written = writeSome(descriptor, bytes);
        if (written === "closed") closed = true;
        else bytes = bytes.subarray(written);
      }
    },
  };
}

function writeSome(descriptor: number, bytes: Uint8Array): number | "closed" {
  try {
    return writeSync(descriptor, bytes);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EPIPE") return "closed";
    if (code !== "EAGAIN") throw error;
    // The other end made the pipe non-blocking and is slow: try again a little later.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    return 0;
  }
}
