import { type CapacityModel, readCapacityModel } from "@vrx/harness";
import { CliError } from "../frame/cli-error.js";
import { textOf } from "./json-file.js";

/** The capacity model of a file. Throws a {@link CliError} with every problem, each with its place. */
export async function capacityModelOf(name: string): Promise<CapacityModel> {
  const read = readCapacityModel(await textOf(name));
  if (read.status === "ok") return read.model;
  throw new CliError("bad_input", read.issues.map(({ message }) => `${name}: ${message}`).join("\n"));
}
