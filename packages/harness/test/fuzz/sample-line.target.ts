import { readSampleLine } from "../../src/command/sample-line.js";

/** Finds lines of a program that make the reader throw, or that it takes for something they cannot be. */
export function fuzz(bytes: Uint8Array): void {
  const line = readSampleLine(bytes);
  switch (line.status) {
    case "invalid":
      must(/^[^\n\r]+$/.test(line.message), "a message is one line");
      must(line.message.length < 2000, "a message does not repeat its input at length");
      return;
    case "hello":
      must(typeof line.facts === "object", "a greeting has facts");
      return;
    case "step": {
      const { time_s } = line.report;
      must(line.step === null || (Number.isSafeInteger(line.step) && line.step >= 0), "steps count from 0");
      must(
        time_s === undefined || time_s === null || (Number.isFinite(time_s) && time_s >= 0),
        "times do not run back",
      );
    }
  }
}

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}
