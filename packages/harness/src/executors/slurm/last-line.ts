import { open } from "node:fs/promises";

const tail_bytes = 4096;

/** The last line of a file that is not empty; null where there is none, or no file. */
export async function lastLine(path: string): Promise<string | null> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const from = Math.max(0, size - tail_bytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(tail_bytes), 0, tail_bytes, from);
      const lines = buffer.subarray(0, bytesRead).toString("utf8").split("\n");
      return lines.map((line) => line.trim()).findLast((line) => line !== "") ?? null;
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}
