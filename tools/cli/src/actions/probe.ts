import { availableParallelism } from "node:os";
import { isatty } from "node:tty";
import {
  type PlannedProbe,
  type ProbeOptions,
  type ProbeProgress,
  type ProbeResult,
  type Workload,
  commandWorkload,
  isHarnessError,
  planProbe,
  probe,
  ringProcess,
} from "@vrx/harness";
import { isObjectiveContractError } from "@vrx/objective-contract";
import { type WorkloadSpec, formatIssues, toSafeInts } from "@vrx/workload-schema";
import type { ProbeCall } from "../commands/probe.js";
import { CliError } from "../frame/cli-error.js";
import { descriptorSink } from "../frame/descriptor.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import type { Output } from "../frame/output.js";
import { composeSpec } from "../inputs/ant-colony.js";
import { readNamedSpec } from "../inputs/spec-source.js";
import { fakeDevice, namedEngine } from "../inputs/named-engine.js";
import { requireNoRingOptions } from "../inputs/program-options.js";
import {
  inBytes,
  inSeconds,
  planDocument,
  planLines,
  predictedBytes,
  resultDocument,
  resultLines,
} from "./probe-report.js";

/** Measures one workload, writes its run directory and prints the verdict. */
export async function run(call: ProbeCall): Promise<ExitCode> {
  const { options, output, signal } = call;
  if (options.out === "-") throw new CliError("bad_arguments", "--out: expected a folder for the run, found `-`");
  const spec = await readSpec(call);
  if (spec === undefined) return exitCodes.wrongInput;
  try {
    const workload = await workloadOf(call);
    const probeOptions = probeOptionsOf(call, spec.name);
    const plan = await planProbe(workload, spec.spec, probeOptions);
    if (options["dry-run"]) {
      const out = options.out ?? defaultFolder(plan, 0);
      if (options.json) output.printJson(planDocument(plan, out));
      else planLines(plan, spec.name, out, output).forEach((line) => output.print(line));
      return exitCodes.ok;
    }
    announce(plan, output);
    const onProgress = (progress: ProbeProgress): void => output.progress().update(progressText(progress, spec.name));
    const result = await intoFreeFolder(options.out, plan, (out) =>
      probe(workload, spec.spec, { ...probeOptions, out, signal, onProgress }),
    );
    if (options.json) output.printJson(resultDocument(result));
    else resultLines(result, spec.name, output).forEach((line) => output.print(line));
    return options["exit-verdict"] ? exitCodeOf(result) : exitCodes.ok;
  } catch (error) {
    throw asCliError(error, call.operands.spec);
  }
}

/** What a command that measures is given, whatever it does with the measurement. */
export type MeasuringCall = Pick<ProbeCall, "operands" | "rest" | "output"> & {
  readonly options: Omit<ProbeCall["options"], "out" | "exit-verdict" | "dry-run" | "json">;
};

/** The spec with its overrides and what to call it; undefined when it is wrong, which has been said by then. */
export async function readSpec({
  operands,
  options,
  output,
}: MeasuringCall): Promise<{ readonly name: string; readonly spec: WorkloadSpec } | undefined> {
  const { ant, colony, batch, precision } = options;
  const given = [operands.spec, ant, colony].map((word) => word !== undefined).join();
  if (given !== "true,false,false" && given !== "false,true,true") {
    throw new CliError("bad_arguments", "expected SPEC, or both --ant and --colony instead of it");
  }
  const named =
    operands.spec === undefined
      ? await composeSpec(ant ?? "", colony ?? "", { batch_size: batch, precision })
      : await readNamedSpec(operands.spec);
  if (named.status === "invalid") {
    named.problems.forEach((problem) => output.problem(problem));
    return undefined;
  }
  const { ant_spec, colony_spec } = named.spec;
  const safe = toSafeInts({
    ...named.spec,
    ant_spec: precision === undefined ? ant_spec : { ...ant_spec, precision },
    colony_spec: batch === undefined ? colony_spec : { ...colony_spec, batch_size: batch },
  });
  const name = operands.spec === undefined || operands.spec === "-" ? "workload" : operands.spec;
  if (safe.status === "ok") return { name, spec: safe.spec };
  output.problem(formatIssues(safe.issues, { filename: name }));
  return undefined;
}

/** The ring or the program that a call names. */
export async function workloadOf({ operands, options, rest, output }: MeasuringCall): Promise<Workload> {
  const { device, engine, threads } = options;
  const fake = options["fake-driver"];
  const ring_history = options["ring-history"];
  if (rest === undefined) {
    const onHost = device === "cpu";
    if (onHost && (engine === "cuda" || fake)) {
      throw new CliError(
        "bad_arguments",
        `--device cpu: expected a GPU for ${fake ? "--fake-driver" : "--engine cuda"}`,
      );
    }
    if (device !== undefined && !onHost && (engine === "cpu" || engine === "reference")) {
      throw new CliError(
        "bad_arguments",
        `--device: the ${engine} engine runs on the cpu, found ${JSON.stringify(device)}`,
      );
    }
    // Threads are what only engines of the host have.
    const ofHost = onHost && threads === undefined ? { threads: availableParallelism() } : {};
    const named = await namedEngine(engine, output, {
      ...ofHost,
      ...(threads === undefined ? {} : { threads }),
      ...(device === undefined || onHost ? {} : { device }),
      ...(await fakeDevice(fake)),
    });
    if (threads !== undefined && named.threads !== threads) {
      output.warn(`--threads is for the cpu engine; the ${named.kind} engine has ${named.threads}`);
    }
    return ringProcess(named, ring_history === undefined ? {} : { ring_history });
  }
  const [file, ...args] = rest;
  if (file === undefined) throw new CliError("bad_arguments", "expected a command after `--`, found nothing");
  requireNoRingOptions({
    "--fake-driver": fake,
    "--engine": engine !== "auto",
    "--threads": threads !== undefined,
    "--ring-history": ring_history !== undefined,
  });
  const usesStdin = [operands.spec, options.ant, options.colony].includes("-");
  const stderr = descriptorSink(2);
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  return commandWorkload({
    argv: [file, ...args],
    // A terminal stays with vrx: a program that waits for it would look stalled.
    stdin: usesStdin || isatty(0) ? "ignore" : "inherit",
    onOutput: (stream, chunk) => {
      if (output.verbosity === "quiet") return;
      output.progress().clear();
      stderr.write(decoders[stream].decode(chunk, { stream: true }));
    },
    ...(device === undefined ? {} : { device }),
  });
}

/** The options of a call as those of `probe`. */
export function probeOptionsOf({ options }: MeasuringCall, name: string): Omit<ProbeOptions, "out"> {
  const { amp, "vram-guard-ratio": vram_guard_ratio, "set-up-limit": set_up_limit_s } = options;
  return {
    warmup_steps: options["warmup-steps"],
    measure_steps: options["measure-steps"],
    seed: options.seed,
    heads: options.heads,
    argv: ["vrx", ...process.argv.slice(2)],
    notes: [`spec: ${name}`],
    ...(amp === undefined ? {} : { amp: amp === "1" }),
    ...(vram_guard_ratio === undefined ? {} : { vram_guard_ratio }),
    ...(set_up_limit_s === undefined ? {} : { heartbeat: { set_up_limit_s } }),
  };
}

// More runs of one workload in one second are a loop that should name its folders.
const most_tries = 100;

/** Runs in the folder that was asked for, or in the first default one that holds no run. */
async function intoFreeFolder<T>(
  out: string | undefined,
  plan: PlannedProbe,
  run: (out: string) => Promise<T>,
): Promise<T> {
  if (out !== undefined) return run(out);
  for (let tried = 0; ; tried++) {
    try {
      return await run(defaultFolder(plan, tried));
    } catch (error) {
      const taken = isObjectiveContractError(error) && error.code === "run_exists";
      if (!taken || tried >= most_tries) throw error;
    }
  }
}

function defaultFolder({ header }: PlannedProbe, tried: number): string {
  const utc = header.created_utc.replace(/[-:]|\.\d+/g, "");
  return `runs/${utc}_${header.workload_id}${tried === 0 ? "" : `_${tried + 1}`}`;
}

function announce(plan: PlannedProbe, output: Output): void {
  const { probe_id, engine, warmup_steps, measure_steps } = plan.header;
  const predicted = predictedBytes(plan);
  const memory = predicted === null ? "" : `, predicted memory ${inBytes(predicted)}`;
  output.note(`${probe_id} on ${engine}, ${warmup_steps} + ${measure_steps} steps${memory}`);
}

/** How far a run is, for a progress line. */
export function progressText({ phase, done, of, elapsed_s, loss, time_s }: ProbeProgress, name: string): string {
  const elapsed = `${elapsed_s.toFixed(0)} s`;
  if (phase === "set_up") return `${name}: setting up`;
  if (phase === "ending") return `${name}: writing the artifacts, ${elapsed}`;
  const figures = [
    loss === null ? [] : [`loss ${loss.toPrecision(5)}`],
    time_s === null ? [] : [inSeconds(time_s)],
  ].flat();
  return `${name}: ${phase === "warmup" ? "warm-up" : "step"} ${done}/${of}, ${[...figures, elapsed].join(", ")}`;
}

function exitCodeOf({ verdict }: ProbeResult): ExitCode {
  if (verdict.status === "pass") return exitCodes.ok;
  return verdict.status === "fail" ? exitCodes.fail : exitCodes.noEvidence;
}

/** What the user can mend; anything else is a defect and passes as it is. */
export function asCliError(error: unknown, spec: string | undefined): unknown {
  if (isHarnessError(error)) {
    const code = error.code === "command_not_found" ? "bad_environment" : "bad_input";
    // Every engine computes in fp64, and with a batch of one the slowest takes 20 seconds for the small preset.
    const other = `vrx probe ${spec ?? "--ant ANT --colony COLONY"} --precision fp64 --batch 1`;
    const instead = error.details["reason"] === "precision" ? `; try: ${other}` : "";
    return new CliError(code, error.message + instead, { cause: error });
  }
  if (isObjectiveContractError(error)) {
    switch (error.code) {
      case "write_failed":
      case "watchdog_failed":
      case "run_unusable":
        // The last one: somebody has taken away or damaged what was written so far.
        return new CliError("bad_environment", error.message, { cause: error });
      case "invalid_header":
      case "run_exists":
      case "not_a_directory":
      case "vram_guard_ratio_out_of_range":
        return new CliError("bad_input", error.message, { cause: error });
      default:
        return error;
    }
  }
  return error;
}
