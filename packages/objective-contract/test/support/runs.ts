import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export { completed, cpu, cuda, envOf, headerOf, recordOf, samplesOf, small } from "./records.js";

/** A folder of its own that goes with the test. */
export function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "vrx-contract-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
