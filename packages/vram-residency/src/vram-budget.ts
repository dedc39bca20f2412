import { VramResidencyError } from "./errors.js";

/** What a budget is made of, in bytes. */
export interface VramBudgetOptions {
  /** What may be sealed in all. */
  readonly capacity_bytes: number;
  /** Kept free on the device for others. */
  readonly headroom_bytes: number;
  /** What the device has free now, whoever uses the rest. */
  readonly deviceFree: () => number;
}

/** Bytes that are spoken for. It is either turned into bytes in use or given back, once; what comes later has no effect. */
export interface Reservation {
  readonly bytes: number;
  /** The memory is allocated: from now on the device itself counts it. */
  allocated(): void;
  /** The memory is free again, or never came to be. */
  release(): void;
}

/**
 * Accounts for every byte. A reservation is taken in one step before anything is allocated, so callers that race never
 * take more than there is, however long their allocations need.
 */
export class VramBudget {
  readonly #options: VramBudgetOptions;
  /** Reserved and not allocated yet: the device still counts these as free. */
  #promised = 0;
  #used = 0;

  constructor(options: VramBudgetOptions) {
    this.#options = options;
  }

  /** Bytes in use by this budget's holders. */
  get used_bytes(): number {
    return this.#used;
  }

  get capacity_bytes(): number {
    return this.#options.capacity_bytes;
  }

  get headroom_bytes(): number {
    return this.#options.headroom_bytes;
  }

  /** What can still be reserved: by the capacity, and by what the device has free beyond the headroom. */
  get available_bytes(): number {
    const { capacity_bytes, headroom_bytes, deviceFree } = this.#options;
    const ofCapacity = capacity_bytes - this.#used - this.#promised;
    const ofDevice = deviceFree() - headroom_bytes - this.#promised;
    return Math.max(0, Math.min(ofCapacity, ofDevice));
  }

  /** Reserves bytes, or throws `insufficient_vram` with both numbers. An exact fit is one. */
  reserve(bytes: number): Reservation {
    const available = this.available_bytes;
    if (bytes > available) {
      const message = `${bytes} bytes of VRAM are needed and ${available} are available: release shards, or use a smaller model`;
      throw new VramResidencyError("insufficient_vram", message, {
        details: { needed_bytes: bytes, available_bytes: available },
      });
    }
    this.#promised += bytes;
    let state: "promised" | "used" | "released" = "promised";
    return {
      bytes,
      allocated: () => {
        if (state !== "promised") return;
        state = "used";
        this.#promised -= bytes;
        this.#used += bytes;
      },
      release: () => {
        if (state === "promised") this.#promised -= bytes;
        else if (state === "used") this.#used -= bytes;
        state = "released";
      },
    };
  }
}
