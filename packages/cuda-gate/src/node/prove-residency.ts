// Declared in a file of its own, which an import would have to find in the build.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="./internal/bundled.d.ts" />
import { createRequire } from "node:module";
import { residencyProof } from "../residency-evidence.js";
import type { DriverChoice } from "./collect-report.js";
import type { GatheredResidency } from "./gather-residency-evidence.js";
import { source } from "./internal/residency-program.ts?bundled";
import { runApart } from "./internal/run-apart.js";

/** What `proveResidency` takes. */
export interface ProveResidencyOptions {
  /** UUID of the GPU, as a report has it. */
  readonly device_uuid: string;
  /** The driver of the report. */
  readonly driver?: DriverChoice;
  /** How long the proof may take, 20,000 ms by default. */
  readonly timeout_ms?: number;
  readonly signal?: AbortSignal;
}

/**
 * Shows that a process of this user can be on a GPU of this host, by starting one and gathering its evidence there: what
 * a gate asks before any training begins. A process that hangs or crashes is evidence of `unknown`, which fails.
 */
export async function proveResidency(options: ProveResidencyOptions): Promise<GatheredResidency> {
  const { device_uuid, driver, timeout_ms = 20_000, signal } = options;
  const find = createRequire(import.meta.url);
  const files = [find.resolve("@vrx/native-cuda"), find.resolve("@vrx/cuda-gate/node")];
  const run = await runApart<GatheredResidency>(source, [...files, device_uuid, driver?.library ?? ""], {
    timeout_ms,
    signal,
  });
  if (run.status === "ok") return run.answer;
  const why = `the process that was to be on the GPU was lost: ${run.why}`;
  const lost = { method: "in_process", outcome: "unknown", confidence: "none", used_bytes: null, why } as const;
  return { ...residencyProof([lost]), pid: 0, device_uuid, simulated: driver !== undefined };
}
