import type { RingConfig } from "../backend.js";
import { floorMod, slotOf, wrapDistance } from "./ring-positions.js";
import { at } from "./vector.js";

/** The slots around a pointer that a step reads and writes, and how much of each. */
export interface Window {
  readonly centers: Int32Array;
  readonly distances: Float64Array;
  readonly weights: Float64Array;
}

/**
 * Slots at -K..K around the pointer's own, weighted by softmax(-distance^2 / tau). On rings shorter
 * than the window a slot occurs more than once. `round` is the rounding of the pointer's format.
 */
export function windowAt(pointer: number, config: RingConfig, round: (value: number) => number): Window {
  const { ring_len, window_radius, window_tau } = config;
  const base = slotOf(pointer, ring_len);
  const centers = Int32Array.from({ length: 2 * window_radius + 1 }, (_, k) =>
    floorMod(base + k - window_radius, ring_len),
  );
  const distances = Float64Array.from(centers, (center) => round(wrapDistance(pointer, center, ring_len)));
  const scores = distances.map((d) => -(d * d) / window_tau);
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return { centers, distances, weights: powers.map((power) => round(power / total)) };
}

/** dL/dpointer from dL/dweights: each distance falls by one as the pointer grows by one; the slots themselves are constants. */
export function windowBackward(window: Window, dWeights: Float64Array, config: RingConfig): number {
  const mean = window.weights.reduce((sum, weight, k) => sum + weight * at(dWeights, k), 0);
  return window.weights.reduce((sum, weight, k) => {
    const dScore = weight * (at(dWeights, k) - mean);
    return sum + (dScore * 2 * at(window.distances, k)) / config.window_tau;
  }, 0);
}
