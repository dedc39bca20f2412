import { readGolden } from "../../src/index.js";

/** Finds recordings on which the reader throws or refuses without a reason. */
export function fuzz(bytes: Uint8Array): void {
  const read = readGolden(new TextDecoder().decode(bytes));
  if (read.status === "invalid" && read.issues.length === 0)
    throw new Error("broken: an invalid recording has an issue");
}
