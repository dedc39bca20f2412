import { once } from "node:events";
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  rmdirSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Worker } from "node:worker_threads";
import type { Contract } from "../contract.js";
import { envDocument } from "../env-document.js";
import type { EnvFacts } from "../env-facts.js";
import { ObjectiveContractError } from "../errors.js";
import { type ReportedEnv, withExecuted } from "../executed-env.js";
import { heartbeatThreshold } from "../heartbeat.js";
import { issueList } from "../internal/fields.js";
import { prettyJson } from "../json.js";
import type { Verdict } from "../judge.js";
import { outcomeDocument, readOutcome } from "../outcome-document.js";
import { redactText } from "../redact.js";
import { runCommandDocument } from "../run-command.js";
import type { RunHeader } from "../run-header.js";
import { type RunException, type RunOutcome, type StallFacts, runOutcome } from "../run-outcome.js";
import type { RunRecord } from "../run-record.js";
import { checkSample, formatSampleLine } from "../sample-line.js";
import type { Phase, StepSample } from "../step-sample.js";
import { collectEnv } from "./collect-env.js";
import { errorCode, writeError, writeFileAtomic } from "./internal/atomic-file.js";
import { completeArtifacts } from "./internal/complete-artifacts.js";
import { drive, driveSync } from "./internal/drive.js";
import { guardAtExit, unguard } from "./internal/exit-guard.js";
import { RunningMedian } from "./internal/running-median.js";
import { startWatchdog } from "./internal/watchdog.js";
import { CLOSED_BY_RUN, CLOSED_BY_WATCHDOG, OPEN, WatchdogMemory, phases } from "./internal/watchdog-memory.js";

/** How a run directory is opened. */
export interface OpenRunOptions {
  /** The machine and the software; collected here when absent. */
  readonly env?: EnvFacts;
  /** Contracts of one's own, found by the header's contract name. */
  readonly contracts?: readonly Contract[];
  /**
   * What the watchdog does after it has completed a stalled run: `report` (default) tells the run, if its
   * thread still listens; `kill` also ends the process with SIGKILL when the thread does not answer within
   * `kill_grace_s`, since nothing else ends a thread that is blocked in native code.
   */
  readonly on_stall?: "report" | "kill";
  /** Seconds; 10 by default. */
  readonly kill_grace_s?: number;
}

/** What a workload says of itself once it is set up. */
export type PreparedFacts = Partial<Pick<RunOutcome, "executed" | "device" | "step_time_mode">> & ReportedEnv;

/** How a run ended; what is unknown may be left out. */
export type FinishInput = Pick<RunOutcome, "status" | "stop_reason"> & Partial<Omit<RunOutcome, "completed_by">>;

/** A finished run: what was recorded, and the contract's verdict on it. */
export interface FinishedRun {
  readonly record: RunRecord;
  readonly verdict: Verdict;
}

/** A run directory in the making. */
export interface RunWriter {
  /** The absolute path of the directory. */
  readonly dir: string;
  readonly header: RunHeader;
  /** Aborts when the watchdog has closed the run; its reason is the `run_closed` error. */
  readonly signal: AbortSignal;
  /** Seconds since the run began, on the clock of `StepSample.end_s`. */
  elapsed_s(): number;
  /** Tells the watchdog that the run is alive; for long set-ups and pauses between steps. */
  beat(): void;
  /** Records what the workload turned out to execute; written into `env.json` at once. Counts as progress. */
  prepared(facts: PreparedFacts): void;
  /**
   * Writes one step to `samples.jsonl` and counts as progress. The line is handed to the system before this
   * returns (without waiting for the disk), so that killing the process loses no sample that was appended.
   * Throws `invalid_sample` (its place in the run, its values), `run_closed` and `write_failed`.
   */
  append(sample: StepSample): void;
  /** Judges the run and writes the last artifacts. Rejects with `run_closed` when it is over already. */
  finish(outcome: FinishInput): Promise<FinishedRun>;
}

/** How long a process that exits waits for a watchdog that is just completing its run, in milliseconds. */
const AT_EXIT_MS = 10_000;

const artifacts = ["run_cmd.txt", "env.json", "samples.jsonl", "metrics.json", "metrics.csv", "summary.md"] as const;

/**
 * Opens a run directory: creates it, claims it (of several that try only one succeeds, across processes),
 * writes `run_cmd.txt` and `env.json`, and starts the watchdog the header asks for. The set-up counts from here.
 *
 * A process that ends or throws with the run open still completes it, as interrupted or failed; one that is
 * killed leaves it to `completeRun`. Throws `run_exists`, `not_a_directory`, `write_failed`, `watchdog_failed`.
 */
export async function openRun(dir: string, header: RunHeader, options: OpenRunOptions = {}): Promise<RunWriter> {
  const path = resolve(dir);
  const env =
    options.env ?? (await collectEnv({ precision: header.precision, amp: header.amp, device: header.device }));
  const { fd, undo } = claim(path);
  try {
    writeFileAtomic(path, "run_cmd.txt", prettyJson(runCommandDocument(header)));
    writeFileAtomic(path, "env.json", prettyJson(envDocument(env, header)));
    const run = new OpenRun(path, header, env, fd, options.contracts ?? []);
    await run.watch(options);
    return run;
  } catch (error) {
    closeSync(fd);
    undo();
    throw error;
  }
}

/** The samples file is what is created exclusively, so there is no lock file that a kill could leave behind. */
function claim(dir: string): { readonly fd: number; readonly undo: () => void } {
  const created = makeFolders(dir);
  if (!statSync(dir).isDirectory()) {
    throw new ObjectiveContractError("not_a_directory", `${dir} is a file; a run needs a folder of its own.`);
  }
  const samples = join(dir, "samples.jsonl");
  let fd: number;
  try {
    fd = openSync(samples, "wx");
  } catch (error) {
    throw errorCode(error) === "EEXIST" ? exists(dir, "samples.jsonl") : writeError(samples, error);
  }
  const there = artifacts.find((name) => name !== "samples.jsonl" && existsSync(join(dir, name)));
  if (there !== undefined) {
    closeSync(fd);
    rmSync(samples, { force: true });
    throw exists(dir, there);
  }
  const undo = (): void => {
    for (const name of artifacts) rmSync(join(dir, name), { force: true });
    if (created !== undefined) removeEmptyFolders(dir, created);
  };
  return { fd, undo };
}

function exists(dir: string, name: string): ObjectiveContractError {
  return new ObjectiveContractError(
    "run_exists",
    `${dir} already holds a run (${name}); runs are never overwritten, choose another folder.`,
    { details: { dir, artifact: name } },
  );
}

/**
 * Creates a folder and those above it, and gives the topmost that is new. Node's own recursive creation never
 * returns where a folder is there and none can be created in it, as in /proc.
 */
function makeFolders(dir: string): string | undefined {
  const missing: string[] = [];
  for (let folder = dir; !existsSync(folder) && dirname(folder) !== folder; folder = dirname(folder)) {
    missing.unshift(folder);
  }
  let topmost: string | undefined;
  for (const folder of missing) {
    try {
      mkdirSync(folder);
      topmost ??= folder;
    } catch (error) {
      // Somebody who races with us may have created it.
      if (errorCode(error) === "EEXIST" && existsSync(folder)) continue;
      if (topmost !== undefined) removeEmptyFolders(dirname(folder), topmost);
      throw writeError(dir, error);
    }
  }
  return topmost;
}

/** Removes the folders that were created for this run, from the innermost out, as long as they are empty. */
function removeEmptyFolders(dir: string, topmost: string): void {
  for (let folder = dir; folder.length >= topmost.length; folder = dirname(folder)) {
    try {
      rmdirSync(folder);
    } catch {
      return;
    }
  }
}

class OpenRun implements RunWriter {
  readonly #memory = new WatchdogMemory();
  readonly #abort = new AbortController();
  readonly #median = new RunningMedian();
  readonly #begun = process.hrtime.bigint();
  readonly #count: Record<Phase, number> = { warmup: 0, measure: 0 };
  readonly signal = this.#abort.signal;
  #worker: Worker | null = null;
  #lost: RunException | null = null;
  #bytes = 0;
  #end_s = 0;

  constructor(
    readonly dir: string,
    readonly header: RunHeader,
    private env: EnvFacts,
    private readonly fd: number,
    private readonly contracts: readonly Contract[],
  ) {}

  async watch(options: OpenRunOptions): Promise<void> {
    const { heartbeat } = this.header;
    this.#memory.beat();
    if (heartbeat !== null) {
      this.#memory.threshold(heartbeat.set_up_limit_s);
      const shortest_s = Math.min(heartbeat.set_up_limit_s, heartbeat.floor_s);
      this.#worker = await startWatchdog(
        this.#memory,
        {
          dir: this.dir,
          poll_ms: Math.min(250, Math.max(10, Math.round(shortest_s * 100))),
          on_stall: options.on_stall ?? "report",
          kill_grace_s: options.kill_grace_s ?? 10,
        },
        {
          stalled: (stall, error) => this.#closeBecause(stall, error),
          died: (error) => {
            this.#lost = { type: "WatchdogError", message: error instanceof Error ? error.message : String(error) };
          },
        },
      );
    }
    guardAtExit(this);
  }

  elapsed_s(): number {
    return Number(process.hrtime.bigint() - this.#begun) / 1e9;
  }

  beat(): void {
    this.#memory.beat();
  }

  prepared({ executed = null, device = null, step_time_mode = null, ...reported }: PreparedFacts): void {
    this.#write(() => {
      const env = withExecuted(this.env, { executed, device, step_time_mode, ...reported });
      if (env === this.env) return;
      writeFileAtomic(this.dir, "env.json", prettyJson(envDocument(env, this.header)));
      this.env = env;
    });
    this.beat();
  }

  append(sample: StepSample): void {
    const wrong = this.#check(sample);
    if (wrong !== null) {
      throw new ObjectiveContractError("invalid_sample", `This sample cannot be recorded: ${wrong}.`, {
        details: { sample },
      });
    }
    const line = Buffer.from(`${formatSampleLine(sample, this.header.workload_digest)}\n`, "latin1");
    this.#write(() => this.#writeLine(line));
    this.#count[sample.phase]++;
    this.#end_s = sample.end_s;
    this.#memory.beat();
    this.#memory.set("phase", BigInt(phases.indexOf(sample.phase)));
    if (this.header.heartbeat === null) return;
    const median_s = this.#median.add(sample.time_s);
    if (median_s !== null) this.#memory.threshold(heartbeatThreshold(median_s, this.header.heartbeat));
  }

  async finish(input: FinishInput): Promise<FinishedRun> {
    const outcome = this.#outcome(input);
    await this.#letWatchdogFinish();
    this.#close();
    const completed = await drive(completeArtifacts(this.dir, outcome, this.contracts));
    if (completed.status === "already") throw closed(this.dir, "another process has completed it");
    return { record: completed.record, verdict: completed.verdict };
  }

  completeAtExit(uncaught: RunException | null): void {
    const input: FinishInput =
      uncaught === null
        ? { status: "interrupted", stop_reason: "process_exit" }
        : { status: "failed", stop_reason: "uncaught_exception", exception: uncaught };
    try {
      const outcome = this.#outcome(input);
      if (this.#memory.get("state") === CLOSED_BY_WATCHDOG) this.#memory.wait("completed", 0n, AT_EXIT_MS);
      this.#close();
      driveSync(completeArtifacts(this.dir, outcome, this.contracts));
    } catch {
      // The process is ending and nobody is left to tell; what is on disk can still be completed from outside.
    }
  }

  /** Steps are recorded in the order in which they happen, and no more of them than were announced. */
  #check(sample: StepSample): string | null {
    const issues = checkSample(sample);
    if (issues.length > 0) return issueList(issues);
    const { phase, step, end_s } = sample;
    const limit = phase === "warmup" ? this.header.warmup_steps : this.header.measure_steps;
    if (phase === "warmup" && this.#count.measure > 0) return "a warm-up step after a measured one";
    if (phase === "measure" && this.#count.warmup < this.header.warmup_steps) {
      return `a measured step after ${this.#count.warmup} of ${this.header.warmup_steps} warm-up steps`;
    }
    if (step !== this.#count[phase]) return `${phase} step ${this.#count[phase]} was expected, found ${step}`;
    if (step >= limit) return `${limit} ${phase} steps were announced, found step ${step}`;
    return end_s < this.#end_s ? `it ends at ${end_s} s, before the step above it (${this.#end_s} s)` : null;
  }

  /** One write at a time, and none once somebody else has begun to complete the run. */
  #write(write: () => void): void {
    this.#memory.set("writing", 1n);
    try {
      if (this.#memory.get("state") !== OPEN) throw closed(this.dir, this.#why());
      write();
    } finally {
      this.#memory.set("writing", 0n);
    }
  }

  #writeLine(line: Buffer): void {
    try {
      let written = 0;
      while (written < line.length) written += writeSync(this.fd, line, written);
      this.#bytes += line.length;
    } catch (error) {
      // Half a line would be taken for the trace of a kill.
      ftruncateSync(this.fd, this.#bytes);
      throw writeError(join(this.dir, "samples.jsonl"), error);
    }
  }

  #outcome(input: FinishInput): RunOutcome {
    const exception = input.exception ?? this.#lost;
    const outcome = runOutcome({
      ...input,
      stop_reason: redactText(input.stop_reason),
      exception:
        exception === null
          ? null
          : { type: redactText(exception.type).slice(0, 256), message: redactText(exception.message).slice(0, 4096) },
      completed_by: "run",
    });
    const read = readOutcome(outcomeDocument(outcome));
    if (read.status === "ok") return outcome;
    throw new ObjectiveContractError("invalid_outcome", `This is no outcome of a run: ${issueList(read.issues)}.`);
  }

  /** Whoever is told that the watchdog has closed the run finds its artifacts complete. */
  async #letWatchdogFinish(): Promise<void> {
    if (this.#memory.get("state") !== CLOSED_BY_WATCHDOG || this.signal.aborted) return;
    this.#worker?.ref();
    await once(this.signal, "abort");
  }

  #close(): void {
    if (!this.#memory.close(CLOSED_BY_RUN)) throw closed(this.dir, this.#why());
    closeSync(this.fd);
    unguard(this);
  }

  #why(): string {
    return this.#memory.get("state") === CLOSED_BY_RUN ? "it was finished" : "its watchdog found it stalled";
  }

  #closeBecause(stall: StallFacts, error: string | null): void {
    unguard(this);
    closeSync(this.fd);
    const details = { dir: this.dir, stall, error };
    const why = error === null ? "its watchdog found it stalled" : `its watchdog found it stalled, and then: ${error}`;
    this.#abort.abort(closed(this.dir, why, details));
  }
}

function closed(
  dir: string,
  why: string,
  details: Readonly<Record<string, unknown>> = { dir },
): ObjectiveContractError {
  return new ObjectiveContractError("run_closed", `The run in ${dir} is closed: ${why}.`, { details });
}
