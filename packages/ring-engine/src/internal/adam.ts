import type { RingConfig } from "../backend.js";
import { at } from "./vector.js";

/**
 * One Adam update of one parameter, in place (Kingma and Ba 2015, bias-corrected). `count` is the number
 * of updates including this one.
 */
export function adamUpdate(
  values: Float64Array,
  gradient: Float64Array,
  first_moment: Float64Array,
  second_moment: Float64Array,
  count: number,
  config: RingConfig,
): void {
  const { learning_rate, adam_beta1, adam_beta2, adam_epsilon } = config;
  const rate = learning_rate / (1 - adam_beta1 ** count);
  const scale = Math.sqrt(1 - adam_beta2 ** count);
  for (let i = 0; i < values.length; i++) {
    const slope = at(gradient, i);
    const m = adam_beta1 * at(first_moment, i) + (1 - adam_beta1) * slope;
    const v = adam_beta2 * at(second_moment, i) + (1 - adam_beta2) * slope * slope;
    first_moment[i] = m;
    second_moment[i] = v;
    values[i] = at(values, i) - (rate * m) / (Math.sqrt(v) / scale + adam_epsilon);
  }
}
