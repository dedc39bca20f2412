import {
  deviceTag,
  parseComputeApps,
  parseDevice,
  parseDeviceSelector,
  readGpuMemorySamples,
  readNamedComputeApps,
  readVersionJson,
  verdictFromVersionJsonFields,
  verdictFromVersionJsonKeys,
} from "../../src/index.js";

/** Finds texts that make a reader throw, that two readers disagree on, or that are taken for what they cannot be. */
export function fuzz(bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  devices(text);
  computeApps(text);
  for (const { used_mib, free_mib, utilisation_pct } of readGpuMemorySamples(text)) {
    must([used_mib, free_mib, utilisation_pct].every(isCount), "memory samples are counts");
  }
  for (const { pid, used_memory_mib } of readNamedComputeApps(text)) {
    must(isCount(pid) && isCount(used_memory_mib), "named processes are counts");
  }
  const version = readVersionJson(text);
  if (version.status === "ok") {
    must(verdictFromVersionJsonKeys(version.keys) === "pass", "what reads has the three keys");
    verdictFromVersionJsonFields(version.fields);
  } else {
    must(version.issues.length > 0, "what does not read has an issue");
  }
}

function devices(text: string): void {
  const strict = parseDevice(text);
  const wide = parseDeviceSelector(text);
  if (strict.status === "ok") {
    must(text.length <= 7, "the grammar has short words only");
    must(JSON.stringify(strict) === JSON.stringify(wide), "the wide reader reads what the strict one reads");
    const { device } = strict;
    if (device.kind === "cuda") must(text === "cuda" || deviceTag(device) === text, "a tag is its own spelling");
  } else {
    must(strict.message.includes("INV-GPUTRAIN-001"), "a refusal names the rule");
    must(strict.message.length < 600, "a refusal does not repeat its input at length");
  }
  if (wide.status === "ok" && wide.device.kind.endsWith("_uuid")) must(/^(GPU|MIG)-/.test(text), "UUIDs have a prefix");
}

function computeApps(text: string): void {
  const read = parseComputeApps(text);
  if (read.status === "invalid") {
    must(read.line >= 1 && read.message.length < 900, "a refusal names its line, and is short");
    return;
  }
  const written = read.rows.map(({ pid, used_memory_mib }) => `${pid}, ${used_memory_mib}\n`).join("");
  const again = parseComputeApps(written);
  must(again.status === "ok" && again.rows.length === read.rows.length, "what was read reads again");
  must(/^[\d, \r\n]*$/.test(text), "only digits, commas, blanks and line ends are rows");
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}
