import type { TaskStanding } from "./slurm-queue.js";

/** Exit code of a task that gave its trial back: preempted, or another attempt was at it. */
const given_back = 75;

/** Exit code of a task whose node failed its preflight. */
const unfit_node = 69;

/** Why a task failed whose program ended with an exit code other than 0 (squeue(1), JOB REASON CODES). */
const nonzero_exit = "NonZeroExitCode";

/** How a task ended that left no result, as far as Slurm says. */
export interface EndedTask {
  /** Null where Slurm does not know it any more. */
  readonly state: string | null;
  readonly reason: string;
  readonly code: number | null;
  readonly signal: number | null;
}

/** The words for it, and whether its trial is worth another task. */
export interface TaskEnd {
  readonly how: string;
  /** False where the program itself failed: another task would end as this one did. */
  readonly again: boolean;
  /** The node failed its preflight. */
  readonly unfit: boolean;
}

/**
 * What the end of a task without a result means; pure. Only an exit code of its program is an answer about the trial:
 * everything else (a lost node, a signal, a launch that failed, a program that ended well and published nothing) is the
 * cluster's doing.
 */
export function endOfTask({ state, reason, code, signal }: EndedTask, preflight: boolean): TaskEnd {
  const how = [
    state === null ? "Slurm does not know it any more" : `Slurm says ${state}`,
    ...(code === null ? [] : [`exit code ${code}`]),
    ...(signal === null ? [] : [`signal ${signal}`]),
  ].join(", ");
  const unfit = code === unfit_node && preflight;
  const failed = reason === nonzero_exit && code !== null && code !== given_back && !unfit;
  return { how, again: !failed, unfit };
}

/** Standings whose tasks ended by what the node or the scheduler did: there is no exit code to ask for. */
export function hasExitCode(standing: TaskStanding): boolean {
  return standing === "completed" || standing === "failed";
}
