import { type Stats, close, constants, fstat, open, read } from "node:fs";
import { promisify } from "node:util";
import { isSystemError, systemReason } from "../frame/failures.js";

/** The bytes of an input, or why there are none, in words that go after its name. */
export type Input =
  { readonly status: "ok"; readonly bytes: Uint8Array } | { readonly status: "failed"; readonly reason: string };

const stdinDescriptor = 0;

// A shell that writes into a pipe opens it at once; whoever has not done so by then will not.
const patience_ms = 5_000;
const poll_ms = 5;

/**
 * Reads a file, or standard input for `-`, whole if it has at most `limit_bytes`. A larger one is refused without
 * reading more than the limit of it, a directory is refused, and a pipe nobody writes to is given up after 5 seconds.
 */
export async function readInput(name: string, limit_bytes: number): Promise<Input> {
  try {
    if (name === "-") return await readDescriptor(stdinDescriptor, limit_bytes);
    // Without O_NONBLOCK, opening a pipe that has no writer never ends.
    const descriptor = await promisify(open)(name, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return await readDescriptor(descriptor, limit_bytes);
    } finally {
      await promisify(close)(descriptor);
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { status: "failed", reason: reasonFor(error.code) ?? systemReason(error) };
  }
}

function reasonFor(code: string): string | undefined {
  if (code === "ENOENT") return "no such file";
  if (code === "EISDIR") return "expected a file, found a directory";
  if (code === "EACCES") return "no permission to read it";
  return undefined;
}

async function readDescriptor(descriptor: number, limit_bytes: number): Promise<Input> {
  const stat = await promisify<number, Stats>(fstat)(descriptor);
  if (stat.isFile() && stat.size > limit_bytes) return tooLarge(limit_bytes, `${stat.size} bytes`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  let chunk_bytes = stat.isFile() ? stat.size + 1 : 65_536;
  const deadline_ms = performance.now() + patience_ms;
  let connected = !stat.isFIFO();
  for (;;) {
    const chunk = new Uint8Array(Math.max(1, Math.min(chunk_bytes, limit_bytes + 1 - length)));
    const got = await readSome(descriptor, chunk);
    if (got === "nothing yet") {
      connected = true;
      await pause(poll_ms);
    } else if (got > 0) {
      connected = true;
      chunks.push(chunk.subarray(0, got));
      length += got;
      if (length > limit_bytes) return tooLarge(limit_bytes, "more");
      chunk_bytes = 65_536;
    } else if (connected || descriptor === stdinDescriptor) {
      return {
        status: "ok",
        bytes: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks),
      };
    } else if (performance.now() > deadline_ms) {
      return { status: "failed", reason: `a pipe that nobody writes to (waited ${patience_ms / 1000} s)` };
    } else {
      await pause(poll_ms);
    }
  }
}

async function readSome(descriptor: number, chunk: Uint8Array): Promise<number | "nothing yet"> {
  try {
    const { bytesRead } = await promisify(read)(descriptor, chunk, 0, chunk.length, null);
    return bytesRead;
  } catch (error) {
    if (isSystemError(error) && error.code === "EAGAIN") return "nothing yet";
    throw error;
  }
}

function tooLarge(limit_bytes: number, found: string): Input {
  return { status: "failed", reason: `expected at most ${limit_bytes / 2 ** 20} MiB, found ${found}` };
}

function pause(time_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time_ms));
}
