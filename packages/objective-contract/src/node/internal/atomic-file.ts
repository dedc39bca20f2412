import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ObjectiveContractError } from "../../errors.js";

/**
 * Writes a file so that it is there in full or not at all: a temporary file beside it, synced, then renamed.
 * With `exclusive` an existing file is left alone and the answer is false. Throws `write_failed`.
 */
export function writeFileAtomic(
  dir: string,
  name: string,
  text: string,
  options: { exclusive?: boolean } = {},
): boolean {
  const temporary = join(dir, `.${name}.${randomBytes(6).toString("hex")}.tmp`);
  const path = join(dir, name);
  try {
    const fd = openSync(temporary, "wx");
    try {
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    const placed = options.exclusive === true ? linkExclusive(temporary, path) : rename(temporary, path);
    syncFolder(dir);
    return placed;
  } catch (error) {
    throw writeError(path, error);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Removes what a killed process left half-written. */
export function removeTemporaries(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (/^\.(run_cmd\.txt|env\.json|metrics\.json|metrics\.csv|summary\.md)\.[\da-f]{12}\.tmp$/.test(name)) {
      rmSync(join(dir, name), { force: true });
    }
  }
}

/** An error of the file system as one of this package, with what to do about it. */
export function writeError(path: string, error: unknown): ObjectiveContractError {
  const code = errorCode(error);
  const advice =
    code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG"
      ? "there is no room left; free some space or choose another folder"
      : code === "EROFS" || code === "EACCES" || code === "EPERM"
        ? "it is not writable; choose another folder"
        : code === "ENOTDIR" || code === "EEXIST"
          ? "something on the way is not a folder; choose another one"
          : error instanceof Error
            ? error.message
            : String(error);
  return new ObjectiveContractError(
    "write_failed",
    `Cannot write ${path}: ${advice}${code === null ? "" : ` (${code})`}.`,
    {
      details: { path, errno: code },
      cause: error,
    },
  );
}

/** The code of a system error (`ENOSPC`), or null. */
export function errorCode(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}

function rename(from: string, to: string): true {
  renameSync(from, to);
  return true;
}

/** A hard link fails when its name is taken, which a rename does not; where there are no links, look before. */
function linkExclusive(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code === "EEXIST") return false;
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "ENOSYS" && code !== "EMLINK") {
      throw error;
    }
    if (existsSync(to)) return false;
    return rename(from, to);
  }
}

/** Makes the new name itself durable; not every system lets a folder be opened, and then nothing is lost but that. */
function syncFolder(dir: string): void {
  try {
    const fd = openSync(dir, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Windows and some network file systems refuse; the rename has happened.
  }
}
