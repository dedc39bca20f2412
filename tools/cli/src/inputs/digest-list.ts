import { CliError } from "../frame/cli-error.js";
import { quoteName } from "../frame/printable.js";
import { readInput } from "./read-input.js";

/** A line of a list of digests. */
export interface ListedDigest {
  readonly file: string;
  /** 64 hexadecimal digits in lower case. */
  readonly digest: string;
}

/** A line is about a hundred bytes long; a larger file is no list. */
const LIMIT_BYTES = 64 * 2 ** 20;

/**
 * Reads a list as `vrx digest` and `fsverity digest` print it: `sha256:HEX FILE` in every line, where a name that does not
 * fit into a line is a JSON string. Throws a {@link CliError} with every line that is none.
 */
export async function readDigestList(name: string): Promise<readonly ListedDigest[]> {
  const input = await readInput(name, LIMIT_BYTES);
  if (input.status === "failed") throw new CliError("bad_input", `--check: ${quoteName(name)}: ${input.reason}`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(input.bytes);
  } catch {
    throw new CliError(
      "bad_input",
      `--check: ${quoteName(name)}: expected lines of text, found bytes that are no UTF-8`,
    );
  }
  const listed: ListedDigest[] = [];
  const problems: string[] = [];
  const lines = text.split(/\r?\n/);
  for (const [i, line] of lines.entries()) {
    if (line === "" && i === lines.length - 1) continue;
    const entry = readLine(line);
    if (entry === undefined)
      problems.push(`${quoteName(name)}:${i + 1}: expected sha256:HEX FILE, found ${shown(line)}`);
    else listed.push(entry);
  }
  if (problems.length > 0) throw new CliError("bad_input", problems.join("\n"));
  if (listed.length === 0)
    throw new CliError("bad_input", `--check: ${quoteName(name)}: expected a line for each file, found none`);
  return listed;
}

function readLine(line: string): ListedDigest | undefined {
  const parts = /^sha256:([0-9a-fA-F]{64}) (.+)$/.exec(line);
  const [, digest, file] = parts ?? [];
  if (digest === undefined || file === undefined) return undefined;
  if (!file.startsWith('"')) return { file, digest: digest.toLowerCase() };
  try {
    const name: unknown = JSON.parse(file);
    return typeof name === "string" ? { file: name, digest: digest.toLowerCase() } : undefined;
  } catch {
    // A name may begin with a quote in a list of fsverity's.
    return { file, digest: digest.toLowerCase() };
  }
}

function shown(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}...` : line);
}
