import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, lstatSync, openSync, realpathSync, renameSync, statSync, unlinkSync } from "node:fs";
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
 * Opens the file of `--out`. A regular file (or a new one) appears whole or not at all; anything else, such as a device,
 * a pipe or a link to nothing, is written directly and never replaced. Throws a {@link CliError} at once when the place
 * cannot be written.
 */
export function openResultFile(name: string): ResultFile {
  const target = targetOf(name);
  if (target.kind === "special") {
    const descriptor = opened(name, () => openSync(name, "w"));
    return { ...descriptorSink(descriptor), commit: () => undefined, discard: () => closeSync(descriptor) };
  }
  const temporary = `${target.path}.${randomBytes(4).toString("hex")}.tmp`;
  const descriptor = opened(name, () => openSync(temporary, "wx", target.mode));
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

type Target = { readonly kind: "special" } | { readonly kind: "regular"; readonly path: string; readonly mode: number };

function targetOf(name: string): Target {
  const own = lstatSync(name, { throwIfNoEntry: false });
  if (own === undefined) return { kind: "regular", path: name, mode: 0o666 };
  // Only what is certainly a regular file may be replaced: a link can lead to a device, a socket or nothing.
  const stat = statSync(name, { throwIfNoEntry: false });
  return stat?.isFile() === true ? { kind: "regular", path: realpathSync(name), mode: stat.mode } : { kind: "special" };
}

function opened(name: string, open: () => number): number {
  try {
    return open();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new CliError("bad_environment", `cannot write ${name}: ${systemReason(error)}`, { cause: error });
  }
}
