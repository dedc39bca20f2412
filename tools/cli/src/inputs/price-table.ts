import { type PriceTable, readPriceTable } from "@vrx/ant-ratio";
import type { JsonValue } from "@vrx/objective-contract";
import { CliError } from "../frame/cli-error.js";
import { readInput } from "./read-input.js";

// A table of every device there is has a few hundred lines.
const limit_bytes = 4 * 2 ** 20;

/** The price table of a file. Throws a {@link CliError} with every problem, each with its place. */
export async function priceTableOf(name: string): Promise<PriceTable> {
  const input = await readInput(name, limit_bytes);
  if (input.status === "failed") throw new CliError("bad_input", `${name}: ${input.reason}`);
  const read = readPriceTable(parsed(name, new TextDecoder().decode(input.bytes)));
  if (read.status === "ok") return read.table;
  throw new CliError("bad_input", read.issues.map(({ message }) => `${name}: ${message}`).join("\n"));
}

function parsed(name: string, text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError("bad_input", `${name}: expected JSON: ${reason}`, { cause: error });
  }
}
