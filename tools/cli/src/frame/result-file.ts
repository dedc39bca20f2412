import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { CliError } from "./cli-error.js";
import { type Sink, descriptorSink } from "./descriptor.js";
import { isSystemError, systemReason } from "./failures.js";

/** The file of `--out`: what is written into it is kept until the command has ended well. */
export interface ResultFile extends Sink {
  /** Whether nothing was written into it. */
  isEmpty(): boolean;
  /** The result is complete: writes the file. Throws a {@link CliError}. */
  commit(): void;
}

/**
 * The file of `--out`. A regular file (or a new one) appears whole or not at all; anything else, such as a device, a pipe
 * or a link to nothing, is written directly and never replaced. Throws a {@link CliError} at once where it can be told
 * beforehand that the place cannot be written.
 */
export function resultFile(name: string): ResultFile {
  const target = writing(name, () => targetOf(name));
  const chunks: string[] = [];
  return {
    write: (text) => void chunks.push(text),
    isEmpty: () => chunks.length === 0,
    commit: () => writing(name, () => (target.kind === "special" ? writeInto(name, chunks) : replace(target, chunks))),
  };
}

type Target = { readonly kind: "special" } | { readonly kind: "regular"; readonly path: string; readonly mode: number };

function targetOf(name: string): Target {
  // Only what is certainly a regular file may be replaced: a link can lead to a device, a socket or nothing.
  const isThere = lstatSync(name, { throwIfNoEntry: false }) !== undefined;
  const stat = statSync(name, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) throw new CliError("bad_environment", `cannot write ${name}: it is a directory`);
  if (isThere && stat?.isFile() !== true) return { kind: "special" };
  const path = isThere ? realpathSync(name) : name;
  accessSync(dirname(path), constants.W_OK);
  return { kind: "regular", path, mode: stat?.mode ?? 0o666 };
}

function writeInto(name: string, chunks: readonly string[]): void {
  const descriptor = openSync(name, "w");
  try {
    descriptorSink(descriptor).write(chunks.join(""));
  } finally {
    closeSync(descriptor);
  }
}

function replace({ path, mode }: { readonly path: string; readonly mode: number }, chunks: readonly string[]): void {
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  const descriptor = openSync(temporary, "wx", mode);
  try {
    descriptorSink(descriptor).write(chunks.join(""));
    fsyncSync(descriptor);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** Says what the system refuses of the name that the user knows. */
function writing<T>(name: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new CliError("bad_environment", `cannot write ${name}: ${systemReason(error)}`, { cause: error });
  }
}
