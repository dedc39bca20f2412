import { readFile } from "node:fs/promises";
import { type Configuration, type SweepDocument, expandSweep, isHarnessError, readSweep } from "@vrx/harness";
import { type Engine, isRingEngineError } from "@vrx/ring-engine";
import { fakeDevice, namedEngine } from "./named-engine.js";
import { CliError } from "../frame/cli-error.js";
import { isSystemError, systemReason } from "../frame/failures.js";
import type { Output } from "../frame/output.js";

export interface NamedSweep {
  readonly sweep: SweepDocument;
  readonly configurations: readonly Configuration[];
  /** The engine of this host; null where trials run elsewhere, or are programs. */
  readonly engine: Engine | null;
  /** Where its trials, packets and report are. */
  readonly dir: string;
}

/** What a sweep is expanded for. */
export interface SweepPlace {
  /** Trials are to run on this host, so that their engine has to be here. */
  readonly here: boolean;
  /** They run on the fake driver. */
  readonly fake: boolean;
  readonly output: Output;
}

async function engineOf({ runner }: SweepDocument, { here, fake, output }: SweepPlace): Promise<Engine | null> {
  const onDevice = "engine" in runner && (runner.engine === "auto" || runner.engine === "cuda");
  if (fake && !onDevice) {
    throw new CliError("bad_arguments", "--fake-driver: expected a sweep whose runner is the engine auto or cuda");
  }
  if (!("engine" in runner) || (!here && !fake)) return null;
  const { engine, threads, instruction_set } = runner;
  return namedEngine(engine, output, {
    ...(threads === undefined ? {} : { threads }),
    ...(instruction_set === undefined ? {} : { instruction_set }),
    ...(await fakeDevice(fake)),
  });
}

/** Reads a sweep file and expands it; throws a {@link CliError} with everything that is wrong. */
export async function sweepOf(file: string, out: string | undefined, place: SweepPlace): Promise<NamedSweep> {
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
    const engine = await engineOf(sweep, place);
    const configurations = await expandSweep(sweep, engine === null ? {} : { engine });
    return { sweep, configurations, engine, dir: out ?? `sweeps/${sweep.name}` };
  } catch (error) {
    if (!isHarnessError(error) && !isRingEngineError(error)) throw error;
    throw new CliError("bad_input", `${file}: ${error.message}`, { cause: error });
  }
}
