import { type Infer, object } from "../internal/schema.js";
import { component } from "./component.js";

export const metricConfigs = {
  "metric.perplexity": object("metric.perplexity config", {}),
  "metric.accuracy": object("metric.accuracy config", {}),
  "evaluator.latency": object("evaluator.latency config", {}),
  "evaluator.memory": object("evaluator.memory config", {}),
} as const;

export const metricSchema = component("metric", metricConfigs);

export type Metric = Infer<typeof metricSchema>;
