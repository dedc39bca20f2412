import {
  formatSampleLine,
  isJson,
  isJsonObject,
  metricsCsv,
  readEnv,
  readMetricsCsv,
  readOutcome,
  readRunCommand,
  readSampleLine,
} from "../../src/index.js";

/** Finds artifacts on which a reader throws, has nothing to say against, or does not give back what was written. */
export function fuzz(bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  const line = readSampleLine(text);
  if (line.status === "ok") {
    const written = formatSampleLine(line.sample, line.workload_digest);
    const again = readSampleLine(written);
    must(again.status === "ok", "a sample that was read can be written and read again");
    must(again.status === "ok" && formatSampleLine(again.sample, again.workload_digest) === written, "and is the same");
  } else must(line.issues.length > 0, "an invalid line has an issue");
  readMetricsCsv(text);

  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return;
  }
  for (const read of [readRunCommand(json), readEnv(json), readOutcome(json)]) {
    if (read.status === "invalid") must(read.issues.length > 0, "an invalid artifact has an issue");
  }
  // What JSON.parse gives need not be JSON: 1e400 is Infinity.
  if (isJson(json, 64) && isJsonObject(json))
    must(readMetricsCsv(metricsCsv(json)) !== null, "what was written as CSV can be read");
}

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}
