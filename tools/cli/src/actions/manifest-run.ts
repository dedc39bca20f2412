import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type PaperWriter,
  type RunReport,
  type TargetEvent,
  type TargetReport,
  endpointWriter,
  isExperimentError,
  runTarget,
  writePaper,
} from "@vrx/experiment";
import { type LoweredManifest, checkRunnable, formatPlan, lowerManifest, planManifest } from "@vrx/manifest";
import type { ManifestRunCall } from "../commands/manifest-run.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { printable, quoteName } from "../frame/printable.js";
import { manifestHost } from "../inputs/manifest-host.js";
import { manifestOf, targetLines, targetOf } from "../inputs/manifest-source.js";

type Output = ManifestRunCall["output"];

/** Runs targets of a manifest, one after the other; the first that fails is the last. */
export async function run({ operands, options, output, signal }: ManifestRunCall): Promise<ExitCode> {
  const { name, manifest } = await manifestOf(operands.manifest, options);
  if (options["list-targets"]) {
    targetLines(manifest).forEach((line) => output.print(line));
    return exitCodes.ok;
  }
  if (options.all && options.out !== undefined) {
    throw new CliError("bad_arguments", "--out is the folder of one target: leave out --all");
  }
  const names = options.all ? manifest.targets.map((one) => one.name) : [targetOf(manifest, options.target)];
  const plan = planManifest(manifest, { target: options.all ? undefined : names[0] });
  if (options["dry-run"]) {
    if (options.json) output.printJson(plan);
    else output.print(printable(formatPlan(plan, { shapes: false })));
    return exitCodes.ok;
  }
  const blockers = checkRunnable(plan, manifestHost({ generateData: options.data === "generate" }));
  if (blockers.length > 0 && !manifest.defaults.runtime.best_effort) {
    for (const { pointer, code, message, fix } of blockers) {
      output.problem(`${name}: ${pointer}: ${code}: ${message}; ${fix}`);
    }
    return exitCodes.wrongInput;
  }
  for (const { message } of blockers) output.warn(message);
  const lowered = lowerManifest(manifest);
  const reports: unknown[] = [];
  let code: ExitCode = exitCodes.ok;
  for (const targetName of names) {
    const ended = await runOne(lowered, targetName, { options, output, signal, name });
    reports.push(ended.report);
    code = ended.code;
    if (code !== exitCodes.ok) break;
  }
  output.progress().clear();
  if (options.json) output.printJson(options.all ? reports : reports[0]);
  signal.throwIfAborted();
  return code;
}

async function runOne(
  manifest: LoweredManifest,
  targetName: string,
  call: Pick<ManifestRunCall, "options" | "output" | "signal"> & { readonly name: string },
): Promise<{ readonly report: unknown; readonly code: ExitCode }> {
  const { options, output, signal, name } = call;
  const target = manifest.targets.find((one) => one.name === targetName);
  if (target === undefined) throw new CliError("bad_arguments", `there is no target ${targetName}`);
  try {
    if (target.type === "process") {
      const writer = writerOf(options);
      const paper = await writePaper(manifest, target, writer === undefined ? {} : { writer });
      if (!options.json) {
        output.print(
          `${quoteName(target.name)}: ${paper.facts} figures written up in ${join(paper.dir, "paper.md")} and paper.tex`,
        );
      }
      for (const one of paper.absent) output.warn(`${one} has no artifacts and is not in the paper`);
      return { report: paper, code: exitCodes.ok };
    }
    const plain = manifest.defaults.logging.instrument === "plain";
    const report = await runTarget(manifest, target, {
      manifest_path: name,
      generate_data: options.data === "generate",
      signal,
      onEvent: (event) => tell(event, target.name, output, plain),
      ...(options.out === undefined ? {} : { out: options.out }),
    });
    output.progress().clear();
    if (!options.json) summary(report, output);
    const { wandb, wandb_mode } = manifest.defaults.logging;
    if (wandb && wandb_mode !== "disabled") {
      output.note(
        `for Weights & Biases: wandb sync ${join(report.dir, "wandb")}/offline-run-* (untried against the service)`,
      );
    }
    return { report, code: report.status === "failed" ? exitCodes.fail : exitCodes.ok };
  } catch (error) {
    if (!isExperimentError(error)) throw error;
    if (error.code === "writer_failed") {
      output.problem(`${quoteName(targetName)}: ${error.message}`);
      return { report: { status: "failed", failures: [error.message] }, code: exitCodes.fail };
    }
    throw new CliError("bad_input", error.message, { cause: error });
  }
}

function writerOf(options: ManifestRunCall["options"]): PaperWriter | undefined {
  const url = options["writer-url"];
  if (url === undefined) return undefined;
  const model = options["writer-model"];
  if (model === undefined) throw new CliError("bad_arguments", "--writer-url needs --writer-model: which model writes");
  const file = options["writer-key-file"];
  return endpointWriter({ url, model, ...(file === undefined ? {} : { key: readFileSync(file, "utf8").trim() }) });
}

function tell(event: TargetEvent, target: string, output: Output, plain: boolean): void {
  if (event.kind === "step" && !plain) {
    output
      .progress()
      .update(`${target}, ${event.run_id}: step ${event.step} of ${event.steps}, loss ${event.loss.toFixed(4)}`);
  }
  if (event.kind === "training") {
    const { event: inner, run_id, steps } = event;
    if (inner.type === "validation") {
      output.note(`${run_id}: step ${inner.step}, held-out loss ${(inner.data.metrics["val_loss"] ?? NaN).toFixed(4)}`);
    } else if (inner.type === "metrics" && plain) {
      output.note(`${run_id}: step ${inner.step} of ${steps}, loss ${(inner.data.metrics["loss"] ?? NaN).toFixed(4)}`);
    }
  }
  if (event.kind === "benchmark") output.progress().update(`${target}: benchmark ${event.text}`);
}

function summary(report: TargetReport, output: Output): void {
  const { good, bad } = output.style;
  const word =
    report.status === "completed" ? good("completed") : report.status === "failed" ? bad("failed") : "interrupted";
  output.print(`${quoteName(report.target)}: ${word} on ${report.engine.name} ${report.engine.version}, ${report.dir}`);
  for (const run of report.runs) output.print(`  ${runLine(run)}`);
  for (const outcome of report.benchmarks) {
    const text = outcome.status === "measured" ? `${outcome.rows.length} rows` : `failed: ${outcome.reason}`;
    output.print(`  benchmark ${quoteName(outcome.id)}: ${printable(text)}`);
  }
  for (const failure of report.failures) output.problem(failure);
}

function runLine({ id, steps, parameters, train, validation, reference, contract_verdict }: RunReport): string {
  const loss = (value: number | undefined): string => (value === undefined ? "-" : value.toFixed(4));
  const held = validation === null ? "" : `, held-out ${loss(validation["loss"])}`;
  const known =
    reference === null
      ? ""
      : ` (floor ${loss(reference.floor)}, guessing ${loss(reference.guessing)}, ${reference.ratio_to_floor.toFixed(2)} times the floor)`;
  const accuracy =
    reference?.accuracy === null || reference?.accuracy === undefined
      ? ""
      : `, accuracy ${reference.accuracy.toFixed(3)} of at best ${(reference.best_accuracy ?? NaN).toFixed(3)}`;
  return `run ${quoteName(id)}: ${steps} steps, ${parameters} parameters, loss ${loss(train["loss"])}${held}${known}${accuracy}, contract ${contract_verdict}`;
}
