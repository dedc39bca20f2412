import type { Train } from "@vrx/manifest";

/**
 * What the learning rate is multiplied by at a step, which counts from 0. It rises over `warmup_steps` and then stays
 * (`constant`) or falls to `min_lr_ratio` at the last step, in a straight line or along a half cosine. `none` is 1
 * throughout.
 */
export function learningRateFactor(
  train: Pick<Train, "scheduler" | "warmup_steps" | "min_lr_ratio">,
  step: number,
  total: number,
): number {
  const { scheduler, warmup_steps: warmup, min_lr_ratio: least } = train;
  if (scheduler === "none") return 1;
  if (step < warmup) return Math.max(1e-8, (step + 1) / warmup);
  const share = Math.min(1, Math.max(0, (step - warmup) / Math.max(1, total - warmup)));
  switch (scheduler) {
    case "constant":
      return 1;
    case "linear":
      return least + (1 - least) * (1 - share);
    case "cosine":
      return least + (1 - least) * 0.5 * (1 + Math.cos(Math.PI * share));
  }
}
