import { type GoldenIssue, type RingGolden, readGolden } from "@vrx/ring-engine";
import { quoteName } from "../frame/printable.js";
import { readInput } from "./read-input.js";
import { suggestFile } from "./suggest-file.js";

/** A recorded run named on the command line, read; or what is wrong with it. */
export type NamedGolden =
  | { readonly status: "ok"; readonly golden: RingGolden }
  | {
      readonly status: "invalid";
      readonly issues: readonly GoldenIssue[];
      /** Lines for stderr, each beginning with the file. */
      readonly problems: readonly string[];
    };

/** Recordings are arrays of decimal numbers: this one would have some ten million. */
const limit_bytes = 256 * 2 ** 20;

/** Reads the recorded run in the file `name`, or on standard input for `-`. */
export async function readNamedGolden(name: string): Promise<NamedGolden> {
  const place = name === "-" ? "<stdin>" : quoteName(name);
  const failed = (reason: string): NamedGolden => ({
    status: "invalid",
    issues: [],
    problems: [`${place}: ${reason}`],
  });
  const input = await readInput(name, limit_bytes);
  if (input.status === "failed") {
    return failed(input.reason === "no such file" ? `${input.reason}${suggestFile(name)}` : input.reason);
  }
  const text = decoded(input.bytes);
  if (text === undefined) return failed("expected JSON in UTF-8, found bytes that are not UTF-8");
  const read = readGolden(text);
  if (read.status === "ok") return { status: "ok", golden: read.golden };
  const problems = read.issues.map(({ code, pointer, message }) => {
    const at = pointer === "" || message.includes(pointer) ? "" : `${pointer}: `;
    return `${place}: ${code}: ${at}${message}`;
  });
  return { status: "invalid", issues: read.issues, problems };
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
