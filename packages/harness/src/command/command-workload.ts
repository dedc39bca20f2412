import { rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { redactArgv } from "@vrx/objective-contract";
import { canonicalWorkloadJson } from "@vrx/workload-schema";
import { HarnessError } from "../errors.js";
import { withGpuWatch } from "../gpu/with-gpu-watch.js";
import { type StepReport, type Workload, type WorkloadFacts, type WorkloadSession, deviceNamed } from "../workload.js";
import { checkExecutable } from "./find-executable.js";
import { type Program, type ProgramCommand, type ProgramExit, startProgram } from "./program.js";
import { programEnvironment } from "./program-environment.js";
import { countOomKills, programFailure } from "./program-failure.js";
import { readSampleLine } from "./sample-line.js";
import { MAX_LINE_BYTES, splitLines } from "./split-lines.js";

/** A program to measure, and how to treat it. */
export interface CommandOptions {
  /** The command and its arguments; no shell is involved. */
  readonly argv: readonly [string, ...string[]];
  /** The folder to run it in; this process's own by default. */
  readonly cwd?: string;
  /** Variables added to its environment; the `VRX_*` of the run win over them. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it runs on, as far as is known: `cpu`, `cuda:0`, a GPU's UUID. The program's own word counts where this is absent. */
  readonly device?: string;
  /** `inherit` gives it the stdin of this process; by default it has an empty one. */
  readonly stdin?: ProgramCommand["stdin"];
  /** Gets what it prints. Without it stdout is discarded; the end of stderr is kept in any case. */
  readonly onOutput?: (stream: "stdout" | "stderr", chunk: Uint8Array) => void;
  /** How long it may take to end by itself after its last measured step, in seconds; 30 by default. */
  readonly end_grace_s?: number;
  /** How long it may take to end after SIGTERM before it gets SIGKILL, in seconds; 5 by default. */
  readonly kill_grace_s?: number;
}

// Enough for a program that closed its samples to say with its exit code why.
const closed_grace_s = 5;

/** No list of unknown keys that anybody reads is longer. */
const MAX_IGNORED_KEYS = 16;

/**
 * Any program as a workload: it gets the request as `VRX_*` variables and the spec as a file (`VRX_SPEC_FILE`), and
 * writes one JSON line per step to the descriptor in `VRX_SAMPLES_FD` (docs/any-program.md has the protocol). It runs
 * in a process group of its own, of which nothing is left when the run is over. A line that is no sample ends the
 * run with `bad_sample`; an end before the last measured step with `child_exit` or `child_killed`.
 */
export function commandWorkload(options: CommandOptions): Workload {
  const { device } = options;
  const program = programWorkload(options);
  // A program that is to run on a GPU need not tell what the driver tells of it.
  return device !== undefined && deviceNamed(device).kind === "cuda" ? withGpuWatch(program, { device }) : program;
}

function programWorkload(options: CommandOptions): Workload {
  return {
    name: "command",
    async describe() {
      await checkExecutable(options.argv[0], options.cwd, options.env?.["PATH"] ?? process.env["PATH"]);
      return {
        engine: "command",
        step_time_mode: "self_reported",
        run_options: { argv: redactArgv(options.argv) },
        ...(options.device === undefined ? {} : { device: deviceNamed(options.device) }),
      };
    },
    async prepare(request) {
      const folder = await mkdtemp(join(tmpdir(), "vrx-"));
      // Also when this process is ended by process.exit, for instance at a second Ctrl-C.
      const removeOnExit = (): void => rmSync(folder, { recursive: true, force: true });
      process.once("exit", removeOnExit);
      const removeFolder = async (): Promise<void> => {
        await rm(folder, { recursive: true, force: true });
        process.removeListener("exit", removeOnExit);
      };
      try {
        const specFile = join(folder, "workload.json");
        await writeFile(specFile, `${canonicalWorkloadJson(request.spec)}\n`);
        const oomKillsBefore = await countOomKills();
        const program = await startProgram({
          argv: options.argv,
          cwd: options.cwd,
          env: programEnvironment(request, specFile, options.env ?? {}),
          stdin: options.stdin ?? "ignore",
          onOutput: options.onOutput,
        });
        return programSession(program, options, oomKillsBefore, removeFolder);
      } catch (error) {
        await removeFolder();
        throw error;
      }
    },
  };
}

function programSession(
  program: Program,
  { device: deviceName, end_grace_s = 30, kill_grace_s = 5 }: CommandOptions,
  oomKillsBefore: number | null,
  cleanUp: () => Promise<void>,
): WorkloadSession {
  const asked = deviceName === undefined ? null : deviceNamed(deviceName);
  let hello: WorkloadFacts = {};
  let timedByArrival = false;
  let lines = 0;
  let exit: ProgramExit | null = null;
  const ignored = new Set<string>();
  let arrived_ms = performance.now();

  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    // The stream outlives its reader here: what comes after the last step is drained until the program ends.
    for await (const chunk of program.samples.iterator({ destroyOnReturn: false })) {
      arrived_ms = performance.now();
      if (chunk instanceof Uint8Array) yield chunk;
    }
  }

  async function* readSteps(): AsyncGenerator<StepReport, void, undefined> {
    let next = 0;
    let before_ms = arrived_ms;
    for await (const piece of splitLines(chunks())) {
      lines++;
      if (piece.kind === "too_long") throw badSample(lines, `expected at most ${MAX_LINE_BYTES} bytes, found more`);
      const line = readSampleLine(piece.bytes);
      // A last line without its end was cut off by the program's death, which says more than its rest.
      if (piece.kind === "rest" && line.status === "invalid") break;
      if (line.status === "invalid") throw badSample(lines, line.message);
      if (line.status === "hello") {
        if (lines > 1) throw badSample(lines, "expected hello in the first line only, found another");
        hello = line.facts;
        const { device } = hello;
        // Otherwise a wrong word could keep the gates of a GPU from being applied.
        if (asked !== null && device && device.kind !== asked.kind) {
          throw badSample(lines, `device: expected ${asked.name}, as the run was described, found ${device.name}`);
        }
      } else {
        if (line.step !== null && line.step !== next) {
          throw badSample(lines, `expected step ${next}, found step ${line.step}`);
        }
        for (const key of line.ignored) if (ignored.size < MAX_IGNORED_KEYS) ignored.add(key.slice(0, 64));
        const time_s = line.report.time_s ?? (arrived_ms - before_ms) / 1000;
        timedByArrival ||= typeof line.report.time_s !== "number";
        next++;
        yield { ...line.report, time_s };
      }
      before_ms = arrived_ms;
    }
    await within(program.exited, closed_grace_s);
    const failure = await endOf(await program.stop(kill_grace_s));
    if (failure !== null) throw failure;
  }

  async function endOf(ended: ProgramExit): Promise<HarnessError | null> {
    exit = ended;
    // What follows a signal of ours is no failure of the program's.
    if (ended.sent !== null) return null;
    const oomKills = await countOomKills();
    const during = oomKills === null || oomKillsBefore === null ? null : oomKills - oomKillsBefore;
    return programFailure(ended, program.stderr.text(), during);
  }

  const steps = readSteps();

  return {
    steps: () => steps,
    facts: () => ({
      ...hello,
      ...(lines === 0
        ? {}
        : { step_time_mode: timedByArrival ? "arrival" : (hello.step_time_mode ?? "self_reported") }),
      extras: {
        ...(hello.extras === undefined ? {} : { hello: hello.extras }),
        program: {
          exit_code: exit?.code ?? null,
          signal: exit?.signal ?? null,
          stopped_by: exit?.sent ?? null,
          sample_lines: lines,
          ignored_keys: [...ignored],
          stderr_bytes: program.stderr.totalBytes,
        },
      },
    }),
    log: () => program.stderr.text(),
    async close(how) {
      try {
        // Lets go of the stream, as soon as a read under way has ended; what still comes is drained.
        const letGo = steps.return().catch(() => undefined);
        if (how === "completed") {
          await letGo;
          const wentOn = new Promise<void>((resolve) => program.samples.once("data", () => resolve()));
          program.samples.resume();
          await within(Promise.race([program.exited, wentOn]), end_grace_s);
        } else {
          void letGo.then(() => program.samples.resume());
        }
        const failure = await endOf(await program.stop(kill_grace_s));
        if (how === "completed" && failure !== null) throw failure;
      } finally {
        program.samples.destroy();
        await cleanUp();
      }
    },
  };
}

function badSample(line: number, message: string): HarnessError {
  return new HarnessError("bad_sample", `line ${line} of the samples: ${message}`, { details: { line } });
}

/** Waits for `promise`, but no longer than `seconds`. */
async function within(promise: Promise<unknown>, seconds: number): Promise<void> {
  const waiting = new AbortController();
  await Promise.race([promise, delay(seconds * 1000, undefined, { signal: waiting.signal }).catch(() => undefined)]);
  waiting.abort();
}
