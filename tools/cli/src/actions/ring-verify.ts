import { type Engine, type GoldenReplay, isRingEngineError, replayGolden } from "@vrx/ring-engine";
import type { RingVerifyCall } from "../commands/ring-verify.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import type { Output } from "../frame/output.js";
import { printable, quoteName } from "../frame/printable.js";
import { readNamedGolden } from "../inputs/golden-source.js";
import { fakeDevice, namedEngine } from "../inputs/named-engine.js";

/** What came of one file. */
type Outcome =
  | { readonly status: "replayed"; readonly replay: GoldenReplay }
  | { readonly status: "invalid"; readonly issues: readonly unknown[]; readonly problems: readonly string[] };

/** Replays every recording; `--json` has an array with one entry for each file. */
export async function run({ operands, options, output }: RingVerifyCall): Promise<ExitCode> {
  const device = options.device === undefined ? {} : { device: options.device };
  const engine = await namedEngine(options.engine, output, {
    ...device,
    ...(await fakeDevice(options["fake-driver"])),
  });
  const documents: unknown[] = [];
  let invalid = false;
  let missed = false;
  for (const [index, file] of operands.goldens.entries()) {
    output.progress().update(`replaying ${file} (${index + 1} of ${operands.goldens.length}) on ${engine.kind}`);
    const outcome = await verify(file, engine);
    if (outcome.status === "invalid") {
      invalid = true;
      outcome.problems.forEach((problem) => output.problem(problem));
      const { status, issues, problems } = outcome;
      documents.push({ file, status, name: null, engine: engine.kind, max_rel_err: null, ok: false, problems, issues });
    } else {
      missed ||= !outcome.replay.ok;
      const { replay } = outcome;
      documents.push({ file, status: outcome.status, ...replay, max_rel_err: speakable(replay.max_rel_err) });
      if (!options.json) printReplay(file, outcome.replay, output);
    }
  }
  if (options.json) output.printJson(documents);
  if (invalid) return exitCodes.wrongInput;
  return missed ? exitCodes.fail : exitCodes.ok;
}

async function verify(file: string, engine: Engine): Promise<Outcome> {
  const named = await readNamedGolden(file);
  if (named.status === "invalid") return named;
  try {
    return { status: "replayed", replay: await replayGolden(named.golden, engine) };
  } catch (error) {
    const cannot = ["unsupported", "out_of_memory", "invalid_argument", "invalid_options"];
    if (!isRingEngineError(error) || !cannot.includes(error.code)) throw error;
    return { status: "invalid", issues: [], problems: [`${quoteName(file)}: ${error.code}: ${error.message}`] };
  }
}

/** JSON has no NaN, and null says that there was nothing to compare: what is not finite becomes a word. */
function speakable(errors: GoldenReplay["max_rel_err"]): Readonly<Record<string, number | string | null>> {
  const entries = Object.entries(errors).map(([group, error]: [string, number | null]) => {
    return [group, error === null || Number.isFinite(error) ? error : String(error)] as const;
  });
  return Object.fromEntries(entries);
}

function printReplay(file: string, replay: GoldenReplay, output: Output): void {
  const { engine, executed_precision, tolerance, mode, compared_steps, recorded_steps, max_rel_err, ok } = replay;
  const { style } = output;
  const steps = `${compared_steps} of ${recorded_steps} steps${mode === "free" ? "" : ", pointers from the trace"}`;
  const how = `${engine} in ${executed_precision}, ${steps}, at most ${tolerance}`;
  output.print(`${quoteName(file)}: ${ok ? style.good("ok") : style.bad("not met")} (${how})`);
  const errors = Object.entries(max_rel_err).map(([group, error]: [string, number | null]) => {
    const text = `${group} ${error === null ? "-" : error === 0 ? "0" : error.toExponential(1)}`;
    return error !== null && !(error <= tolerance) ? style.bad(text) : text;
  });
  output.print(`  ${errors.join("  ")}`);
  for (const line of [...replay.mismatches, ...replay.notes]) output.print(`  ${printable(line)}`);
}
