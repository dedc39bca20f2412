import { runDevice } from "./run-device.js";
import type { RunRecord } from "./run-record.js";

/**
 * How far a run can be trusted: `E2` ("check") when all gates pass and whatever is needed to run it again is
 * recorded; `E1` ("probe") when the gates pass; null when they do not, which is no evidence at all.
 */
export interface Evidence {
  readonly level: "E2" | "E1" | null;
  /** What keeps the run from the next level, in words. */
  readonly missing: readonly string[];
}

/**
 * The evidence level of a run with this verdict. E2 asks for the metadata that makes a run reproducible: the
 * commit with nothing changed on top of it, a seed, the version of the engine and the processor; on a GPU also its
 * name, memory and driver.
 */
export function evidenceLevel(run: RunRecord, status: "pass" | "fail" | "inconclusive" | "invalid"): Evidence {
  if (status !== "pass") return { level: null, missing: [`the verdict is ${status}`] };
  const { header, env } = run;
  const missing: string[] = [];
  const need = (known: boolean, what: string): void => {
    if (!known) missing.push(what);
  };
  need(env.git_commit !== null, `git_commit is unknown${because(env.reasons["git_commit"])}`);
  need(env.git_dirty === 0, env.git_dirty === 1 ? "the working tree has changes" : "git_dirty is unknown");
  need(header.seed !== null, "no seed");
  need(header.engine_version !== null, "engine_version is unknown");
  need(env.cpu_model !== null, "cpu_model is unknown");
  if (runDevice(run).kind !== "cpu") {
    need(env.gpu_name !== null, "gpu_name is unknown");
    need(env.total_vram_bytes !== null, "total_vram_bytes is unknown");
    need(env.driver_version !== null, "driver_version is unknown");
  }
  return { level: missing.length === 0 ? "E2" : "E1", missing };
}

function because(reason: string | undefined): string {
  return reason === undefined ? "" : ` (${reason})`;
}
