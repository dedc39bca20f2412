import { readJsonText } from "@vrx/ant-ratio";
import { type JsonObject, isJsonObject } from "@vrx/objective-contract";
import { CliError } from "../frame/cli-error.js";
import { readInput } from "./read-input.js";

const limit_bytes = 64 * 2 ** 20;

/** The text of a file or of standard input (`-`). Throws a {@link CliError} where there is none. */
export async function textOf(name: string): Promise<string> {
  const input = await readInput(name, limit_bytes);
  if (input.status === "failed") throw new CliError("bad_input", `${name}: ${input.reason}`);
  return new TextDecoder().decode(input.bytes);
}

/** The JSON object of a file. Throws a {@link CliError} with the place where it is none. */
export async function jsonObjectOf(name: string): Promise<JsonObject> {
  const read = readJsonText(await textOf(name));
  if (read.status === "invalid") {
    const { line, column, message } = read.issue;
    throw new CliError("bad_input", `${name}:${line}:${column}: ${message}`);
  }
  if (isJsonObject(read.json)) return read.json;
  throw new CliError("bad_input", `${name}:1:1: expected a JSON object`);
}
