import { readFile } from "node:fs/promises";
import { type Configuration, type SweepDocument, expandSweep, isHarnessError, readSweep } from "@vrx/harness";
import { isRingEngineError } from "@vrx/ring-engine";
import { CliError } from "../frame/cli-error.js";
import { isSystemError, systemReason } from "../frame/failures.js";

export interface NamedSweep {
  readonly sweep: SweepDocument;
  readonly configurations: readonly Configuration[];
  /** Where its trials, packets and report are. */
  readonly dir: string;
}

/** Reads a sweep file and expands it; throws a {@link CliError} with everything that is wrong. */
export async function sweepOf(file: string, out: string | undefined): Promise<NamedSweep> {
  let source: string;
  try {
    source = await readFile(file, "utf8");
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new CliError("bad_input", `cannot read ${file}: ${systemReason(error)}`, { cause: error });
  }
  const read = readSweep(source, { filename: file });
  if (read.status === "invalid") throw new CliError("bad_input", read.issues.map(({ message }) => message).join("\n"));
  const { sweep } = read;
  try {
    return { sweep, configurations: await expandSweep(sweep), dir: out ?? `sweeps/${sweep.name}` };
  } catch (error) {
    if (!isHarnessError(error) && !isRingEngineError(error)) throw error;
    throw new CliError("bad_input", `${file}: ${error.message}`, { cause: error });
  }
}
