import type { Metric } from "@vrx/manifest";
import { ExperimentError } from "../errors.js";
import type { Figures } from "./training-session.js";

/**
 * Figures with the metrics that a target asks for: `perplexity` is the exponential of the loss, `accuracy` comes with
 * every objective over classes. Throws `unsupported` for one that the objective does not give.
 */
export function withMetrics(figures: Figures, metrics: readonly Metric[] = []): Figures {
  const found: Record<string, number> = { ...figures };
  for (const { ref, impl } of metrics) {
    if (impl !== null || (ref !== "metric.perplexity" && ref !== "metric.accuracy")) {
      const what = impl ?? ref;
      throw new ExperimentError("unsupported", `${what} cannot be measured here; benchmarks measure speed and memory`);
    }
    if (figures["accuracy"] === undefined) {
      throw new ExperimentError("unsupported", `${ref} needs an objective over classes`);
    }
    if (ref === "metric.perplexity") found["perplexity"] = Math.exp(figures["loss"] ?? NaN);
  }
  return found;
}
