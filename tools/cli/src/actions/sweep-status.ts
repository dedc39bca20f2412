import { existsSync } from "node:fs";
import { join } from "node:path";
import { openStore, trialsOf } from "@vrx/harness";
import type { SweepStatusCall } from "../commands/sweep-status.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { sweepOf } from "../inputs/sweep-file.js";

/** Counts the trials of a sweep by status. */
export async function run({ operands, options, output }: SweepStatusCall): Promise<ExitCode> {
  const { sweep, configurations, dir } = await sweepOf(operands.sweep, options.out, {
    here: false,
    fake: options["fake-driver"],
    output,
  });
  const folder = join(dir, "store");
  const store = existsSync(folder) ? await openStore(folder) : null;
  const states = await store?.states();
  await store?.close();
  const counts: Record<string, number> = {};
  for (const { digest } of trialsOf(sweep, configurations)) {
    const state = states?.get(digest);
    const status = state?.running === true ? "running" : (state?.status ?? "not_run");
    counts[status] = (counts[status] ?? 0) + 1;
  }
  const unrunnable = configurations.filter(({ problems }) => problems.length > 0).length;
  if (options.json)
    output.printJson({ name: sweep.name, out: dir, trials: counts, configurations_that_cannot_run: unrunnable });
  else {
    for (const [status, count] of Object.entries(counts)) output.print(`${status}: ${count}`);
    if (unrunnable > 0) output.print(`configurations that cannot run: ${unrunnable}`);
  }
  return exitCodes.ok;
}
