import type { Objective, ObjectiveConfig } from "@vrx/manifest";
import { ExperimentError } from "../errors.js";
import type { ForwardPass } from "../layers/forward-pass.js";
import type { Value } from "../tensor/graph.js";
import { show } from "../tensor/shape.js";
import { sizeOf } from "../tensor/program.js";
import { type Streams, streamOf } from "./apply-system.js";

/** A loss, and whatever else is worth watching; all scalars. */
export interface ObjectiveResult {
  readonly loss: Value;
  readonly metrics: ReadonlyMap<string, Value>;
}

/** An objective of the user's. */
export type CustomObjective = (
  pass: ForwardPass,
  outputs: Streams,
  batch: Streams,
  config: Readonly<Record<string, unknown>>,
) => ObjectiveResult;

/** The loss of what a system made of a batch. */
export function applyObjective(
  pass: ForwardPass,
  objective: Objective,
  outputs: Streams,
  batch: Streams,
  custom: ReadonlyMap<string, CustomObjective> = new Map(),
): ObjectiveResult {
  if (objective.impl !== null) {
    const own = custom.get(objective.impl);
    if (own === undefined) throw new ExperimentError("unsupported", `${objective.impl} is not loaded here`);
    return own(pass, outputs, batch, objective.config);
  }
  switch (objective.ref) {
    case "objective.next_token_ce": {
      const { logits_key, target_key } = objective.config;
      return crossEntropy(pass, streamOf(outputs, logits_key), streamOf(batch, target_key), objective.config, batch);
    }
    case "objective.classification_ce": {
      const { logits_key, labels_key } = objective.config;
      const result = crossEntropy(
        pass,
        streamOf(outputs, logits_key),
        streamOf(batch, labels_key),
        objective.config,
        batch,
      );
      return { ...result, metrics: new Map([...result.metrics, ["ce_loss", result.loss]]) };
    }
    case "objective.mse": {
      const predicted = streamOf(outputs, objective.config.pred_key);
      const wanted = streamOf(batch, objective.config.target_key);
      if (show(predicted.shape) !== show(wanted.shape)) {
        throw new ExperimentError(
          "shape_mismatch",
          `objective.mse compares tensors of one shape, found ${show(predicted.shape)} and ${show(wanted.shape)}`,
        );
      }
      const loss = pass.graph.mean(pass.graph.unary("square", pass.graph.sub(predicted, wanted)));
      return { loss, metrics: new Map([["mse", loss]]) };
    }
  }
}

/** A batch may carry this: 1 where a row's target counts, 0 where it does not. */
export const COUNTS_KEY = "counts";

function crossEntropy(
  pass: ForwardPass,
  logits: Value,
  targets: Value,
  config: Pick<ObjectiveConfig<"objective.next_token_ce">, "ignore_index" | "label_smoothing">,
  batch: Streams,
): ObjectiveResult {
  const { graph } = pass;
  const classes = logits.shape.at(-1) ?? 1;
  const rows = sizeOf(targets.shape);
  if (sizeOf(logits.shape) !== rows * classes || targets.dtype !== "int32") {
    throw new ExperimentError(
      "shape_mismatch",
      `cross-entropy: expected one whole number for each row of scores ${show(logits.shape)}, ` +
        `found ${targets.dtype} ${show(targets.shape)}`,
    );
  }
  const flat = graph.reshape(logits, [rows, classes]);
  const target = graph.reshape(targets, [rows]);
  let counts = graph.cast(graph.binary("ne", target, config.ignore_index), "float32");
  const given = batch.get(COUNTS_KEY);
  if (given !== undefined) counts = graph.mul(counts, graph.reshape(given, [rows]));
  // One score of each row by its place among all of them.
  const place = graph.add(
    graph.binary("min", graph.binary("max", target, 0), graph.full([], classes - 1, "int32")),
    graph.mul(graph.iota([rows], 0), graph.full([], classes, "int32")),
  );
  const total = graph.logSumExp(flat, -1);
  let nll = graph.sub(graph.reshape(total, [rows]), graph.take(graph.reshape(flat, [rows * classes]), place, 0));
  if (config.label_smoothing > 0) {
    const spread = graph.neg(graph.mean(graph.sub(flat, total), [1]));
    nll = graph.add(graph.mul(nll, 1 - config.label_smoothing), graph.mul(spread, config.label_smoothing));
  }
  // A target that counts and is no class must not pass for a good guess.
  const none = graph.binary("or", graph.binary("lt", target, 0), graph.binary("ge", target, classes));
  nll = graph.where(graph.binary("and", none, graph.binary("gt", counts, 0)), Infinity, nll);
  const number = graph.binary("max", graph.sum(counts), 1);
  const loss = graph.div(graph.sum(graph.mul(nll, counts)), number);
  const right = graph.cast(graph.binary("eq", graph.argmax(flat, -1), target), "float32");
  const accuracy = graph.div(graph.sum(graph.mul(right, counts)), number);
  return { loss, metrics: new Map([["accuracy", accuracy]]) };
}
