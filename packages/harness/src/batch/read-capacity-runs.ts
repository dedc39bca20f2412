import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readRun, recheckRun } from "@vrx/objective-contract/node";
import type { CapacityRun } from "./fit-capacity-model.js";

export interface CapacityRuns {
  readonly runs: readonly CapacityRun[];
  /** Folders that hold a run that cannot be used, with the reason. */
  readonly skipped: readonly { readonly run_dir: string; readonly reason: string }[];
}

/**
 * Reads every run directory below a folder, at most `depth` levels deep. Verdicts are computed from the artifacts anew;
 * a folder with the artifacts of a run that cannot be read is skipped with its reason.
 */
export async function readCapacityRuns(root: string, depth = 4): Promise<CapacityRuns> {
  const runs: CapacityRun[] = [];
  const skipped: { run_dir: string; reason: string }[] = [];
  const visit = async (folder: string, name: string, left: number): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true });
    if (entries.some((entry) => entry.name === "run_cmd.txt")) {
      const read = await capacityRun(folder, name);
      if (typeof read === "string") skipped.push({ run_dir: name, reason: read });
      else runs.push(read);
      return;
    }
    if (left === 0) return;
    for (const entry of entries.filter((one) => one.isDirectory()).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      await visit(join(folder, entry.name), name === "." ? entry.name : `${name}/${entry.name}`, left - 1);
    }
  };
  await visit(root, ".", depth);
  return { runs, skipped };
}

async function capacityRun(folder: string, run_dir: string): Promise<CapacityRun | string> {
  const [read, recheck] = [await readRun(folder), await recheckRun(folder)];
  if (read.status === "invalid") return read.issues.map(({ message }) => message).join("; ");
  const { header, env } = read.record;
  const { verdict } = recheck;
  return {
    run_dir,
    spec: header.workload,
    heads: header.out_dim,
    precision: header.precision,
    amp: header.amp,
    measure_steps: header.measure_steps,
    passed: verdict.status === "pass",
    fail_reasons: verdict.status === "pass" ? [] : verdict.fail_reasons,
    peak_vram_allocated_bytes: verdict.metrics?.peak_vram_allocated_bytes ?? null,
    peak_vram_reserved_bytes: verdict.metrics?.peak_vram_reserved_bytes ?? null,
    gpu_name: env.gpu_name,
    total_vram_bytes: env.total_vram_bytes,
    driver_version: env.driver_version,
    torch_version: env.torch_version,
    os: env.os,
  };
}
