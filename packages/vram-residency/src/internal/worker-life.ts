import { VramResidencyError } from "../errors.js";
import { type WorkerState, canTransition } from "../worker-state.js";

/** What a manager is doing, and what it refuses while it does that. */
export class WorkerLife {
  #state: WorkerState = "starting";
  #loading = 0;
  #disposed = false;

  get state(): WorkerState {
    return this.#state;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Throws `worker_stopped` for a way that is not there. */
  transition(to: WorkerState): void {
    if (to === this.#state) return;
    if (!canTransition(this.#state, to)) {
      throw new VramResidencyError("worker_stopped", `a worker that is ${this.#state} cannot become ${to}`);
    }
    this.#state = to;
  }

  /** From any state, for good: the worker is replaced, not repaired. */
  stop(): void {
    this.#state = "stopped";
  }

  /** `stop`, after which nothing is answered any more. */
  end(): void {
    this.#disposed = true;
    this.#state = "stopped";
  }

  /** The worker is loading until the last of what is loaded at a time has ended. */
  async whileLoading<R>(load: () => Promise<R>): Promise<R> {
    this.#loading++;
    if (canTransition(this.#state, "loading")) this.#state = "loading";
    try {
      return await load();
    } finally {
      this.#loading--;
      if (this.#loading === 0 && this.#state === "loading") this.#state = "ready";
    }
  }

  /** Throws `disposed`, or `worker_stopped` where nothing more is sealed. */
  requireServing(): void {
    this.requireNotDisposed();
    if (this.#state !== "stopped" && this.#state !== "draining") return;
    throw new VramResidencyError("worker_stopped", `the worker is ${this.#state}: start another one`);
  }

  /** Throws `disposed`. */
  requireNotDisposed(): void {
    if (this.#disposed) throw new VramResidencyError("disposed", "the manager was disposed of");
  }
}
