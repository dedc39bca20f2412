import type { LoweredExperimentTarget, LoweredManifest, LoweredRun } from "@vrx/manifest";
import { join } from "node:path";
import { sha256 } from "../data/files.js";
import { WandbFile } from "./wandb-file.js";

/** The figures of a run for Weights & Biases. What goes wrong with them never ends the run: it is said once, at the end. */
export interface WandbLog {
  history(step: number, figures: Readonly<Record<string, number>>): void;
  /** Gives what went wrong, or null. */
  end(summary: Readonly<Record<string, number>>, exitCode: number): string | null;
}

const nothing: WandbLog = { history: () => undefined, end: () => null };

/**
 * Opens the files of a run below `dir/wandb`, as the manifest's logging defaults say. `online` writes the same files as
 * `offline`: nothing here talks to the service.
 */
export function openWandbLog(
  manifest: LoweredManifest,
  target: LoweredExperimentTarget,
  run: LoweredRun,
  dir: string,
): WandbLog {
  const { wandb, wandb_mode, wandb_project, wandb_entity } = manifest.defaults.logging;
  if (!wandb || wandb_mode === "disabled") return nothing;
  let file: WandbFile | undefined;
  let problem: string | null = null;
  const attempt = (write: () => void): void => {
    if (problem !== null) return;
    try {
      write();
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
  };
  attempt(() => {
    file = WandbFile.create(join(dir, "wandb"), {
      id: sha256(`${dir} ${run.id}`).slice(0, 8),
      project: wandb_project === "" ? (manifest.name ?? "vrx") : wandb_project,
      entity: wandb_entity,
      name: `${target.name}:${run.id}`,
      group: target.name,
      config: { run: run.id, exp: run.exp, seed: run.seed, steps: run.steps, ...run.train },
    });
  });
  return {
    history: (step, figures) => attempt(() => file?.history(step, bothNames(figures))),
    end: (summary, exitCode) => {
      attempt(() => file?.end(summary, exitCode));
      return problem;
    },
  };
}

/** Every figure by its own name and below `train/`. */
function bothNames(figures: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(figures).flatMap(([key, value]) => [[`train/${key}`, value] as const, [key, value] as const]),
  );
}
