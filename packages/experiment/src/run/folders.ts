import { mkdir } from "node:fs/promises";
import { join } from "node:path";

/** A name from a manifest as the name of a file or folder. */
export function safeName(name: string): string {
  const safe = name.replace(/[^\w.-]/g, "_");
  // These two are folders already, and others.
  return safe === "." || safe === ".." ? safe.replaceAll(".", "_") : safe;
}

/** A folder of its own named after the time, also for two that begin in the same second. */
export async function freshFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  const stamp = timestamp();
  for (let i = 1; ; i++) {
    const dir = join(parent, i === 1 ? stamp : `${stamp}_${i}`);
    try {
      await mkdir(dir);
      return dir;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  }
}

function timestamp(): string {
  return new Date().toISOString().replace(/[-:]/g, "").replace("T", "_").slice(0, 15);
}
