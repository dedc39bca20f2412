import type { RandomStream } from "@vrx/ring-engine";

/** How a token is chosen. Temperature 0 takes the most probable one. */
export interface Sampling {
  readonly temperature: number;
  /** Only so many of the most probable tokens; absent: all. */
  readonly top_k?: number;
  /** Only the fewest most probable tokens that together have this probability; absent: all. */
  readonly top_p?: number;
}

/** The place of the greatest number, the first among equals. */
export function greatest(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] ?? 0) > (logits[best] ?? 0)) best = i;
  return best;
}

/** A token by its logits. `random` and `index` say which random number decides, so that a choice can be repeated. */
export function sampleToken(logits: Float32Array, sampling: Sampling, random: RandomStream, index: number): number {
  if (sampling.temperature <= 0) return greatest(logits);
  const order = Array.from(logits.keys()).sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
  const kept = order.slice(0, sampling.top_k ?? order.length);
  const highest = logits[kept[0] ?? 0] ?? 0;
  const weights = kept.map((token) => Math.exp(((logits[token] ?? 0) - highest) / sampling.temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let [count, mass] = [0, 0];
  while (count < kept.length && (count === 0 || mass < (sampling.top_p ?? 1) * total)) mass += weights[count++] ?? 0;
  let left = random.uniform(index) * mass;
  for (let i = 0; i < count; i++) {
    left -= weights[i] ?? 0;
    if (left < 0) return kept[i] ?? 0;
  }
  return kept[count - 1] ?? 0;
}
