import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes a file whole or not at all: beside its place, to the disk, then by rename; folders on the way are made. A file
 * that has these bytes already is not touched, a link is followed, and what is no regular file, such as a device or a
 * pipe, is written into and never replaced. Resolves with whether anything was written. Rejects with what the system says.
 */
export async function writeWhole(name: string, content: string | Uint8Array): Promise<boolean> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const there = await stat(name).catch(() => null);
  if (there !== null && !there.isFile()) {
    await writeFile(name, bytes);
    return true;
  }
  const path = there === null ? name : await realpath(name);
  const before = there?.size === bytes.length ? await readFile(path).catch(() => null) : null;
  if (before?.equals(bytes) === true) return false;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = await open(temporary, "wx", there?.mode ?? 0o666);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return true;
}
