import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CapabilityReport, isAntRatioError, planTokenBudget, wilsonInterval } from "@vrx/ant-ratio";
import {
  type CapabilityPlan,
  type CapabilityProgress,
  type RingRunner,
  isHarnessError,
  runCapability,
} from "@vrx/harness";
import { type RingOptions, isRingEngineError, resolveRingOptions } from "@vrx/ring-engine";
import { type WorkloadSpec, computeWorkloadId, formatIssues, toSafeInts } from "@vrx/workload-schema";
import type { CapabilityCall } from "../commands/capability.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { table } from "../frame/table.js";
import { readNamedSpec } from "../inputs/spec-source.js";
import { fakeDevice, namedEngine } from "../inputs/named-engine.js";

/** Trains, evaluates, and writes report.json. */
export async function run(call: CapabilityCall): Promise<ExitCode> {
  const { operands, options, output, signal } = call;
  const workload = await specOf(operands.spec);
  const plan = await planOf(call, workload);
  const folder = options.out ?? `capability/${computeWorkloadId(workload)}_seed${options.seed}`;
  if (existsSync(join(folder, "report.json"))) {
    throw new CliError("bad_input", `${folder}: there is a report.json already; name another folder with -o`);
  }
  let announced = false;
  const onProgress = ({ phase, done, of, loss }: CapabilityProgress): void => {
    if (phase === "training" && !announced) output.note(`training on ${plan.runner.engine}, step ${done} of ${of}`);
    announced ||= phase === "training";
    output.progress().update(`${phase} ${done}/${of}${loss === null ? "" : `, loss ${loss.toPrecision(4)}`}`);
  };
  try {
    const checkpoint = join(folder, "checkpoint");
    const outcome = await runCapability(plan, { folder, checkpoint, signal, onProgress });
    output.progress().clear();
    if (outcome.status === "diverged") {
      output.problem(`the loss was ${outcome.loss} after step ${outcome.step}: nothing can be learnt from there on`);
      return exitCodes.fail;
    }
    if (options.json) output.printJson({ out: folder, ...outcome.report });
    else reportLines(outcome.report, join(folder, "report.json")).forEach((line) => output.print(line));
    return exitCodes.ok;
  } catch (error) {
    signal.throwIfAborted();
    if (!isHarnessError(error) && !isRingEngineError(error)) throw error;
    throw new CliError("bad_input", error.message, { cause: error });
  }
}

async function specOf(word: string): Promise<WorkloadSpec> {
  const named = await readNamedSpec(word);
  if (named.status === "invalid") throw new CliError("bad_input", named.problems.join("\n"));
  const safe = toSafeInts(named.spec);
  if (safe.status === "ok") return safe.spec;
  throw new CliError("bad_input", formatIssues(safe.issues, { filename: named.name }));
}

async function planOf(
  { options, output }: CapabilityCall,
  workload: WorkloadSpec,
): Promise<CapabilityPlan & { readonly runner: RingRunner }> {
  const { engine: choice, threads, heads, seed } = options;
  const engine = await namedEngine(choice, output, {
    ...(threads === undefined ? {} : { threads }),
    ...(await fakeDevice(options["fake-driver"])),
  });
  const { driver } = engine.options;
  const { batch_size, seq_len } = workload.colony_spec;
  const budget = options["ring-tokens"];
  if ((budget === undefined) === (options.steps === undefined)) {
    throw new CliError("bad_arguments", "expected one of --ring-tokens N and --steps N");
  }
  const steps = options.steps ?? stepsOf(budget ?? 0, batch_size, seq_len);
  return {
    schema_version: "vrx_trial_v1",
    kind: "capability",
    workload,
    heads,
    seed,
    runner: {
      kind: "ring",
      engine: engine.kind,
      engine_options: {
        ...(engine.kind === "cpu" ? { threads: engine.threads } : {}),
        ...(driver === undefined ? {} : { driver }),
      },
      options: ringOptions(options.options),
    },
    toolkit: null,
    task: {
      keys: options.keys,
      pairs: options.pairs,
      values: options.values,
      train_samples: options["train-samples"],
      eval_samples: options["eval-samples"],
    },
    steps,
    ring_tokens: steps * batch_size * seq_len,
  };
}

function stepsOf(ring_tokens: number, batch_size: number, seq_len: number): number {
  try {
    return planTokenBudget({ ring_tokens, batch_size, seq_len }).steps;
  } catch (error) {
    if (!isAntRatioError(error)) throw error;
    throw new CliError("bad_input", error.message, { cause: error });
  }
}

/** `learning_rate=0.003,sensory_ring=false` as options, checked. */
function ringOptions(text: string | undefined): Partial<Omit<RingOptions, "expert_heads">> {
  const entries = (text ?? "").split(",").flatMap((pair): (readonly [string, unknown])[] => {
    if (pair === "") return [];
    const [name = "", value, ...rest] = pair.split("=");
    if (name === "expert_heads") throw new CliError("bad_arguments", "--options: expert_heads is --heads");
    if (name === "num_classes") throw new CliError("bad_arguments", "--options: num_classes is --values");
    if (value === undefined || rest.length > 0) {
      throw new CliError("bad_arguments", `--options: expected NAME=VALUE, found ${JSON.stringify(pair)}`);
    }
    return [[name, plainValue(value)]];
  });
  const read = resolveRingOptions(Object.fromEntries(entries));
  if (read.status === "ok") return Object.fromEntries(entries);
  throw new CliError("bad_arguments", read.issues.map(({ message }) => `--options: ${message}`).join("\n"));
}

function plainValue(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

function reportLines(
  { settings, overlap, levels, train, eval: evaluated }: CapabilityReport,
  file: string,
): readonly string[] {
  const { low, high } = wilsonInterval(evaluated.eval_hits, evaluated.eval_n);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const { chance, copy, ceiling } = levels;
  return table([
    ["task", `${settings.pairs} of ${settings.keys} keys, ${settings.val_range} values, seed ${settings.seed}`],
    ["trained", `${train.steps} steps, ${train.ring_tokens} ring tokens, ${train.wall_s.toFixed(1)} s`],
    ["unseen data", `${evaluated.eval_n} samples, ${overlap.shared} of them in the training set`],
    ["accuracy", `${percent(evaluated.eval_acc)} (95 % interval ${percent(low)} to ${percent(high)})`],
    ["levels", `chance ${percent(chance)}, copying any value ${percent(copy)}, ceiling ${percent(ceiling)}`],
    ["report", quoteName(file)],
  ]);
}
