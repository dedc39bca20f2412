/** What a worker is doing, as its Ready endpoint tells it. */
export type WorkerState = "starting" | "loading" | "ready" | "executing" | "draining" | "stopped";

/** From where to where a worker may go. `stopped` is final: a worker whose seal was broken is replaced, not repaired. */
export const WORKER_TRANSITIONS: Readonly<Record<WorkerState, readonly WorkerState[]>> = {
  starting: ["loading", "ready", "stopped"],
  loading: ["ready", "stopped"],
  ready: ["loading", "executing", "draining", "stopped"],
  executing: ["ready", "draining", "stopped"],
  draining: ["stopped"],
  stopped: [],
};

/** Whether a worker in `from` may go to `to`. */
export function canTransition(from: WorkerState, to: WorkerState): boolean {
  return WORKER_TRANSITIONS[from].includes(to);
}
