import { at } from "./vector.js";

/** -ln softmax(logits)[label] of one sample, and its slope by the logits. */
export function crossEntropy(
  logits: Float64Array,
  label: number,
): { readonly loss: number; readonly dLogits: Float64Array } {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  const dLogits = powers.map((power, c) => power / total - (c === label ? 1 : 0));
  return { loss: Math.log(total) + highest - at(logits, label), dLogits };
}
