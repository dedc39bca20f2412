import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Configuration, type TrialState, openStore } from "@vrx/harness";
import { countFlops, predictMemory } from "@vrx/ring-engine";
import type { SweepPlanCall } from "../commands/sweep-plan.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { table } from "../frame/table.js";
import { sweepOf } from "../inputs/sweep-file.js";
import { labelText } from "./sweep-lines.js";

interface PlannedConfiguration {
  readonly index: number;
  readonly labels: Configuration["labels"];
  readonly problems: readonly string[];
  /** Null for programs, whose memory and operations nobody here knows. */
  readonly predicted_bytes: number | null;
  /** Floating-point operations of all steps of all trials. */
  readonly predicted_flops: number | null;
  readonly trials: readonly {
    readonly digest: string;
    readonly kind: string;
    readonly seed: number;
    readonly steps: number;
    readonly status: string;
  }[];
}

function planned(configuration: Configuration, states: ReadonlyMap<string, TrialState>): PlannedConfiguration {
  const { index, labels, problems, probe, capability } = configuration;
  const trials = [probe, ...capability].flatMap((trial) => (trial === null ? [] : [trial]));
  let predicted_bytes: number | null = null;
  let predicted_flops: number | null = null;
  const described = trials.map(({ digest, plan }) => {
    const steps = plan.kind === "probe" ? plan.warmup_steps + plan.measure_steps : plan.steps;
    if (plan.runner.kind === "ring") {
      const classes = plan.kind === "capability" ? { num_classes: plan.task.values } : {};
      const options = { ...plan.runner.options, ...classes, expert_heads: plan.heads };
      const { threads } = plan.runner.engine_options;
      const memory = predictMemory(plan.workload, options, {
        engine: plan.runner.engine,
        ...(threads === undefined ? {} : { threads }),
      });
      predicted_bytes = Math.max(predicted_bytes ?? 0, memory.total_bytes);
      predicted_flops = (predicted_flops ?? 0) + steps * countFlops(plan.workload, options).per_step;
    }
    return { digest, kind: plan.kind, seed: plan.seed, steps, status: states.get(digest)?.status ?? "not_run" };
  });
  return { index, labels, problems, predicted_bytes, predicted_flops, trials: described };
}

/** Says what a sweep would run. */
export async function run({ operands, options, output }: SweepPlanCall): Promise<ExitCode> {
  const { sweep, configurations, dir } = await sweepOf(operands.sweep, options.out);
  const folder = join(dir, "store");
  // Looking at a plan makes no folder.
  const store = existsSync(folder) ? await openStore(folder) : null;
  const states = (await store?.states()) ?? new Map<string, TrialState>();
  await store?.close();
  const plan = configurations.map((configuration) => planned(configuration, states));
  const trials = new Map(plan.flatMap((one) => one.trials.map((trial) => [trial.digest, trial] as const)));
  const done = [...trials.values()].filter(({ status }) => status !== "not_run").length;
  if (options.json) output.printJson({ name: sweep.name, out: dir, trials: trials.size, done, configurations: plan });
  else {
    const rows = plan.map((one) => [
      labelText(one),
      one.problems.length > 0 ? "cannot run" : `${one.trials.length} trials`,
      one.predicted_bytes === null ? "-" : `${(one.predicted_bytes / 1e6).toFixed(1)} MB`,
      one.predicted_flops === null ? "-" : `${(one.predicted_flops / 1e9).toFixed(1)} GFLOP`,
      one.trials.map(({ digest }) => digest.slice(0, 12)).join(" ") || one.problems.join("; "),
    ]);
    table([["configuration", "", "memory", "operations", "trials"], ...rows]).forEach((line) => output.print(line));
    output.print(`${plan.length} configurations, ${trials.size} trials, ${done} of them done, in ${dir}`);
  }
  return plan.some(({ problems }) => problems.length === 0) ? exitCodes.ok : exitCodes.wrongInput;
}
