import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, lstatSync, openSync, realpathSync, renameSync, unlinkSync } from "node:fs";
import { CliError } from "./cli-error.js";
import { type Sink, descriptorSink } from "./descriptor.js";
import { isSystemError, systemReason } from "./failures.js";

/** The file of `--out` while it is being written. */
export interface ResultFile extends Sink {
  /** The result is complete: makes it appear under its name. */
  commit(): void;
  /** Leaves what was there before, unless the result was committed. */
  discard(): void;
}

/**
 * Opens the file of `--out`. A regular file (or a new one) appears whole or not at all; a device or a pipe is written
 * directly. Throws a system error at once when the place cannot be written.
 */
export function openResultFile(name: string): ResultFile {
  const target = existing(name);
  if (target.kind === "special") {
    const descriptor = openSync(name, "w");
    return { ...descriptorSink(descriptor), commit: () => undefined, discard: () => closeSync(descriptor) };
  }
  const temporary = `${target.path}.${randomBytes(4).toString("hex")}.tmp`;
  const descriptor = openNew(temporary, name);
  let committed = false;
  return {
    ...descriptorSink(descriptor),
    commit() {
      fsyncSync(descriptor);
      renameSync(temporary, target.path);
      committed = true;
    },
    discard() {
      closeSync(descriptor);
      if (!committed) unlinkSync(temporary);
    },
  };
}

/** Opens `temporary`; what keeps that from working is said of `name`, which is what the user knows. */
function openNew(temporary: string, name: string): number {
  try {
    return openSync(temporary, "wx");
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new CliError("bad_environment", `cannot write ${name}: ${systemReason(error)}`, { cause: error });
  }
}

function existing(name: string): { readonly kind: "regular" | "special"; readonly path: string } {
  try {
    // A link is followed, so that the file it points to is replaced and not the link.
    const path = realpathSync(name);
    const stat = lstatSync(path);
    // Opening a directory for writing says what is wrong better than renaming over it.
    return { kind: stat.isFile() ? "regular" : "special", path };
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return { kind: "regular", path: name };
    throw error;
  }
}
