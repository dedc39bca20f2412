// One trial as a program of its own, so that whoever started it outlives it: runs the plan of a file into a folder and
// leaves how it ended in another file. Publishing is for the one who started it.
import { readFileSync, writeFileSync } from "node:fs";
import { runTrial } from "./run-trial.js";
import type { Trial } from "./trial.js";

/** What the program is told, as JSON in its one argument. */
export interface TrialProgramInput {
  readonly plan_file: string;
  readonly folder: string;
  readonly outcome_file: string;
  readonly checkpoint: string;
}

// The parent is the only one who calls this, with what it has checked.
const parseInput: (text: string) => TrialProgramInput = JSON.parse;
const parseTrial: (text: string) => Trial = JSON.parse;

/** How often it is looked whether the one who started this is still there. */
const PARENT_POLL_MS = 500;

/** A trial whose starter was killed has nobody to publish it: it ends, so that its successor has the machine to itself. */
function endWithParent(): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, PARENT_POLL_MS).unref();
}

async function main(): Promise<void> {
  endWithParent();
  const { plan_file, folder, outcome_file, checkpoint } = parseInput(process.argv[2] ?? "");
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  const { plan } = parseTrial(readFileSync(plan_file, "utf8"));
  const outcome = await runTrial(plan, { folder, checkpoint, signal: stop.signal });
  writeFileSync(outcome_file, JSON.stringify(outcome));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
