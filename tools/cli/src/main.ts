import { getBuiltinModule } from "node:process";
import { about, commandTree } from "./commands/index.js";
import { normalized, splitRest } from "./frame/argv.js";
import { outOption } from "./frame/common-options.js";
import { type CommonValues, type Parsed, createParser } from "./frame/commander-tree.js";
import { type Sink, descriptorSink } from "./frame/descriptor.js";
import { type ExitCode, exitCodes } from "./frame/exit-codes.js";
import { reportFailure } from "./frame/failures.js";
import { listenForInterruption } from "./frame/interruption.js";
import { type Output, createOutput } from "./frame/output.js";
import { resultFile } from "./frame/result-file.js";
import { wantsColour } from "./frame/style.js";

/**
 * Runs the `vrx` command line `argv` (without the interpreter and the script) and returns its exit code.
 * Never throws: what goes wrong is said on stderr.
 */
export async function main(argv: readonly string[]): Promise<ExitCode> {
  const debug = process.env["VRX_DEBUG"] === "1";
  const stdout = descriptorSink(1);
  let output = outputFor(stdout, { quiet: false, verbose: false, color: true, progress: true });
  const onUncaught = (error: unknown): void => {
    process.exit(reportFailure(error, output, debug));
  };
  process.on("uncaughtException", onUncaught);
  try {
    const { words, rest } = splitRest(normalized(argv, commandTree), commandTree);
    const parsed = createParser(commandTree, about, (text) => stdout.write(text)).parse(words);
    if (parsed.command === "help") return exitCodes.ok;
    output = outputFor(stdout, parsed.common);
    return await call(parsed, rest, output);
  } catch (error) {
    return reportFailure(error, output, debug);
  } finally {
    process.off("uncaughtException", onUncaught);
  }
}

/** What `-o` may be given that is stdout itself, which can be a socket no name leads to. */
const stdoutNames: readonly string[] = ["-", "/dev/stdout", "/dev/fd/1"];

async function call(
  { command, words, options, common }: Parsed,
  rest: readonly string[] | undefined,
  terminal: Output,
): Promise<ExitCode> {
  const out = command.options["out"] === outOption ? options["out"] : undefined;
  const file = typeof out === "string" && !stdoutNames.includes(out) ? resultFile(out) : undefined;
  const output = file === undefined ? terminal : outputFor(file, { ...common, color: false });
  const interruption = command.interruptible === true ? listenForInterruption() : undefined;
  try {
    const signal = interruption?.signal ?? new AbortController().signal;
    const code = await command.run({ words, options, rest, output, signal });
    // A command that failed and had nothing to say leaves what was there before.
    if (code === exitCodes.ok || file?.isEmpty() === false) file?.commit();
    return interruption?.exitCode() ?? code;
  } catch (error) {
    const interrupted = interruption?.exitCode();
    if (interrupted === undefined) throw error;
    output.error(error instanceof Error ? error.message : String(error));
    return interrupted;
  } finally {
    output.close();
    interruption?.stop();
  }
}

function outputFor(stdout: Sink, { quiet, verbose, color, progress }: CommonValues): Output {
  const isTerminal = (descriptor: number): boolean => getBuiltinModule("node:tty").isatty(descriptor);
  const colour = (descriptor: number): boolean => color && wantsColour(() => isTerminal(descriptor), process.env);
  return createOutput({
    stdout,
    stderr: descriptorSink(2),
    verbosity: quiet ? "quiet" : verbose ? "verbose" : "normal",
    colour: { stdout: () => colour(1), stderr: () => colour(2) },
    showProgress: () => progress && process.env["TERM"] !== "dumb" && isTerminal(2),
    // A terminal that was never told its size says 0.
    columns: () => (process.stderr.columns > 0 ? process.stderr.columns : 80),
  });
}
