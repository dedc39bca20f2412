import { CudaError } from "../errors.js";
import type { Disposes } from "./disposes.js";

interface Held {
  readonly what: string;
  readonly release: () => void;
}

/** Frees what nobody disposed of, and says so: memory of a device is too scarce to wait for the collector. */
const forgotten = new FinalizationRegistry<Held>(({ what, release }) => {
  process.emitWarning(`${what} was never disposed of and is freed now that it was collected as garbage`, {
    type: "CudaLeakWarning",
    code: "VRX_CUDA_LEAK",
    detail: "Call dispose() when it is no longer needed, or declare it with `using`.",
  });
  try {
    release();
  } catch (error) {
    process.emitWarning(`${what} could not be freed: ${String(error)}`, "CudaLeakWarning");
  }
});

/** The members that everything with a lifetime has. */
export class LifetimeMembers {
  #release: (() => void) | undefined;
  readonly #what: string;

  protected constructor(what: string, release: () => void) {
    this.#what = what;
    this.#release = release;
    forgotten.register(this, { what, release }, this);
  }

  /** True once it was disposed of. */
  get disposed(): boolean {
    return this.#release === undefined;
  }

  /** Gives back what it holds; calling it again does nothing. */
  dispose(): void {
    const release = this.#release;
    if (release === undefined) return;
    this.#release = undefined;
    forgotten.unregister(this);
    release();
  }

  /** Throws a `CudaError` (`disposed`) once it was disposed of. */
  protected requireAlive(): void {
    if (this.#release === undefined) throw new CudaError("disposed", `${this.#what} was disposed of`);
  }
}

Object.defineProperty(LifetimeMembers.prototype, Symbol.dispose, {
  value(this: LifetimeMembers) {
    this.dispose();
  },
});

type LifetimeConstructor = abstract new (what: string, release: () => void) => LifetimeMembers & Disposes;

/**
 * The base of everything that holds something of the driver's: idempotent `dispose()` and `[Symbol.dispose]()`; what is
 * collected without is freed with a warning (`VRX_CUDA_LEAK`).
 */
export const Lifetime: LifetimeConstructor = LifetimeMembers as unknown as LifetimeConstructor;
