import { join } from "node:path";
import {
  type SweepShard,
  isHarnessError,
  openStore,
  runSweep,
  slurmShard,
  trialsOf,
  writeSweepReport,
} from "@vrx/harness";
import type { SweepRunCall } from "../commands/sweep-run.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { excludedHosts, executorOf } from "../inputs/executor.js";
import { sweepOf } from "../inputs/sweep-file.js";
import { packetLines } from "./sweep-lines.js";

function shardOption(text: string | undefined): SweepShard | undefined {
  if (text === undefined) return undefined;
  const [, index, of] = /^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? [];
  const shard = { index: Number(index), of: Number(of) };
  if (shard.index >= 1 && shard.index <= shard.of) return shard;
  throw new CliError("bad_arguments", `--shard: expected I/N with 1 <= I <= N, found ${JSON.stringify(text)}`);
}

/** An array task of Slurm that runs a sweep by itself has its place in the array for a shard. */
function shardOfTask(executor: string): SweepShard | undefined {
  if (executor !== "local") return undefined;
  try {
    return slurmShard(process.env) ?? undefined;
  } catch (error) {
    if (!isHarnessError(error)) throw error;
    throw new CliError("bad_environment", error.message, { cause: error });
  }
}

/** Runs what is left of a sweep, then writes its report. */
export async function run({ operands, options, output, signal }: SweepRunCall): Promise<ExitCode> {
  const shard = shardOption(options.shard) ?? shardOfTask(options.executor);
  const excluded = options["exclude-hosts"];
  if (excluded !== undefined && options.executor !== "slurm") {
    throw new CliError("bad_arguments", `--exclude-hosts is not for the ${options.executor} executor`);
  }
  const here = options.executor === "local";
  const fake = options["fake-driver"];
  if (fake && !here) throw new CliError("bad_arguments", `--fake-driver is not for the ${options.executor} executor`);
  const exclude = excluded === undefined ? [] : await excludedHosts(excluded);
  const { sweep, configurations, engine, dir } = await sweepOf(operands.sweep, options.out, { here, fake, output });
  const executor = await executorOf(options, output, { exclude, device: engine?.device?.uuid ?? null });
  const trials = trialsOf(sweep, configurations);
  const store = await openStore(join(dir, "store"));
  try {
    const lost: { digest: string; why: string }[] = [];
    let done = 0;
    let known = 0;
    const began = performance.now();
    const events = runSweep(trials, {
      executor,
      store,
      signal,
      limits: { time_s: sweep.limits?.time_s ?? null, memory_bytes: sweep.limits?.memory_bytes ?? null },
      cooldown_s: sweep.cooldown_s ?? 0,
      ...(sweep.idle === undefined ? {} : { idle: sweep.idle }),
      verify: options.verify,
      preflight: options.preflight,
      ...(shard === undefined ? {} : { shard }),
    });
    for await (const event of events) {
      if (event.event === "known") known++;
      if (event.event === "finished") done++;
      if (event.event === "lost") lost.push({ digest: event.digest, why: event.why });
      const elapsed = ((performance.now() - began) / 1000).toFixed(0);
      output.progress().update(`${sweep.name}: ${known + done} of ${trials.length} trials, ${elapsed} s`);
    }
    output.progress().clear();
    if (known > 0) output.note(`${known} trials had a result already`);
    for (const { digest, why } of lost) output.problem(`trial ${digest.slice(0, 12)} ended without a result: ${why}`);
    signal.throwIfAborted();
    const ended = lost.length === 0 ? exitCodes.ok : exitCodes.noEvidence;
    if (shard !== undefined) {
      if (options.json) output.printJson({ name: sweep.name, out: dir, shard, known, done, lost });
      else output.print(`shard ${shard.index}/${shard.of}: ${done} trials done, ${known} known, ${lost.length} lost`);
      return ended;
    }
    const report = await writeSweepReport(sweep, configurations, store, dir);
    if (options.json) {
      output.printJson({
        name: sweep.name,
        out: dir,
        known,
        done,
        lost,
        packets: report.packets.length,
        files: report.files,
      });
    } else {
      packetLines(report).forEach((line) => output.print(line));
      output.print("");
      output.print(`report: ${quoteName(join(dir, "report.html"))}`);
      output.print(`packets: ${quoteName(join(dir, "packets.jsonl"))}`);
    }
    return ended;
  } catch (error) {
    if (isHarnessError(error) && ["damaged", "executor_unavailable", "invalid_argument"].includes(error.code)) {
      throw new CliError("bad_environment", error.message, { cause: error });
    }
    throw error;
  } finally {
    await store.close();
  }
}
