import { totalmem } from "node:os";

/** Bytes this process can have at most: the machine's memory, or the limit that is set on it where that is lower. */
export function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
