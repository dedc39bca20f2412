import type { BatchProbe } from "../src/batch/batch-observation.js";

/** A device whose memory grows with the batch: shares of the whole, with noise from `random`. */
export interface SimulatedDevice {
  readonly base: number;
  readonly slope: number;
  /** The allocator hands out memory in pieces of this share; 0: to the byte. */
  readonly piece: number;
  /** Largest deviation of a measurement, as a share of the whole. */
  readonly noise: number;
  readonly guard: number;
}

/** What a batch takes, without the noise of measuring it. */
export function trueShare({ base, slope, piece }: SimulatedDevice, batch: number): number {
  const share = base + slope * batch;
  return piece === 0 ? share : Math.ceil(share / piece) * piece;
}

/** A probe of the device: out of memory beyond 1, failed beyond the guard. */
export function probeOf(device: SimulatedDevice, batch: number, random: () => number): BatchProbe {
  const share = trueShare(device, batch);
  if (share > 1) return { status: "oom", ratio: null, reason: "out of memory" };
  const ratio = share + device.noise * (2 * random() - 1);
  return ratio > device.guard ? { status: "failed", ratio, reason: "vram_guard" } : { status: "passed", ratio };
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
