import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PriceTable } from "@vrx/ant-ratio";
import { type PlannedConfiguration, type SweepPlan, openStore, planSweep } from "@vrx/harness";
import { collectEnv } from "@vrx/objective-contract/node";
import type { SweepPlanCall } from "../commands/sweep-plan.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { table } from "../frame/table.js";
import { priceTableOf } from "../inputs/price-table.js";
import { sweepOf } from "../inputs/sweep-file.js";
import { labelText } from "./sweep-lines.js";

/** Says what a sweep would run, and what that is expected to need. */
export async function run({ operands, options, output }: SweepPlanCall): Promise<ExitCode> {
  const { sweep, configurations, dir } = await sweepOf(operands.sweep, options.out, {
    here: false,
    fake: options["fake-driver"],
    output,
  });
  const prices = options.prices === undefined ? null : await priceTableOf(options.prices);
  const folder = join(dir, "store");
  // Looking at a plan makes no folder.
  const store = existsSync(folder) ? await openStore(folder) : null;
  const plan = await planSweep(configurations, store);
  await store?.close();
  const cost = prices === null ? null : await costOfPlan(plan, prices);
  if (options.json) {
    const { configurations: planned, ...totals } = plan;
    output.printJson({ name: sweep.name, out: dir, ...totals, predicted_cost: cost, configurations: planned });
  } else {
    // At once: a hundred thousand lines by themselves take longer than planning them.
    output.print(planLines(plan).join("\n"));
    output.print(
      `${counted(plan.configurations.length, "configuration")}, ${counted(plan.trials, "trial")}, ${plan.done} of them done, in ${dir}`,
    );
    output.print(timeLine(plan));
    if (cost !== null) output.print(costLine(cost));
  }
  return plan.configurations.some(({ problems }) => problems.length === 0) ? exitCodes.ok : exitCodes.wrongInput;
}

function planLines({ configurations }: SweepPlan): readonly string[] {
  const rows = configurations.map((one: PlannedConfiguration) => [
    labelText(one),
    one.problems.length > 0 ? "cannot run" : counted(one.trials.length, "trial"),
    one.predicted_bytes === null ? "-" : `${(one.predicted_bytes / 1e6).toFixed(1)} MB`,
    one.predicted_flops === null ? "-" : `${(one.predicted_flops / 1e9).toFixed(1)} GFLOP`,
    one.predicted_s === null ? "-" : duration(one.predicted_s),
    one.trials.map(({ digest }) => digest.slice(0, 12)).join(" ") || one.problems.join("; "),
  ]);
  return table([["configuration", "", "memory", "operations", "time", "trials"], ...rows]);
}

function timeLine({ predicted_s, unknown, basis }: SweepPlan): string {
  const how =
    basis.kind === "measured"
      ? `by ${counted(basis.probes, "probe")} measured here`
      : basis.kind === "estimate"
        ? "by an estimate of a GPU's speed, which a first probe corrects"
        : "by the engine's usual speed, within a factor of three";
  const rest = unknown === 0 ? "" : `, beside ${unknown} of programs, whose time nobody knows`;
  return `what is left takes about ${duration(predicted_s)} (${how})${rest}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

interface PlannedCost {
  readonly device: string;
  /** By currency; empty where the table has no price for the device. */
  readonly amounts: Readonly<Record<string, number>>;
  /** Trials whose time is not known, and which no amount has in it. */
  readonly without: number;
  readonly why: readonly string[];
}

/** The expected time on this host's device, at the prices of a table. */
async function costOfPlan({ predicted_s, unknown }: SweepPlan, { prices }: PriceTable): Promise<PlannedCost> {
  const { gpu_name } = await collectEnv({ precision: "fp32", amp: false });
  const device = gpu_name ?? "cpu";
  const own = prices.filter((price) => price.device.toLowerCase() === device.toLowerCase());
  return {
    device,
    amounts: Object.fromEntries(own.map(({ currency, per_hour }) => [currency, (predicted_s / 3600) * per_hour])),
    without: unknown,
    why:
      own.length === 0
        ? [`the price table has no price for ${device}`]
        : own.map(({ per_hour, currency, source, date }) => `${per_hour} ${currency} per hour by ${source}, ${date}`),
  };
}

function costLine({ amounts, why }: PlannedCost): string {
  const sums = Object.entries(amounts).map(([currency, amount]) => `${amount.toPrecision(3)} ${currency}`);
  return `cost: ${sums.length === 0 ? "not known" : sums.join(", ")} (${why.join("; ")})`;
}
