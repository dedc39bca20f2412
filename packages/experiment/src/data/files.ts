import { createHash } from "node:crypto";
import { access, readFile } from "node:fs/promises";
import { ExperimentError } from "../errors.js";
import type { DataFile } from "./dataset.js";

/** Whether there is something at a path. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The bytes of a file and what says which they were. Rejects with `missing_file` where there is none. */
export async function readWhole(path: string): Promise<{ readonly bytes: Buffer; readonly file: DataFile }> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new ExperimentError("missing_file", `${path}: cannot be read; --data generate makes small data to try with`, {
      cause,
    });
  });
  return { bytes, file: { path, bytes: bytes.length, sha256: sha256(bytes) } };
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
