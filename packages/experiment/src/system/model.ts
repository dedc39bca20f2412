import type { Model } from "@vrx/manifest";
import { ExperimentError } from "../errors.js";
import { embed } from "../layers/embedder.js";
import { type ForwardPass, under } from "../layers/forward-pass.js";
import { applyTopology } from "../layers/topology.js";
import type { Value } from "../tensor/graph.js";

/** What a model makes of its input: the topology's result, and that after pooling and the tied table. */
export interface ModelResult {
  readonly features: Value;
  readonly output: Value;
}

/**
 * A model: embedder, topology, pooling, and the embedder's table as the last layer where a stream ends with its width
 * and the model ties them. Parts are named `embedder` and `topology`.
 */
export function applyModel(pass: ForwardPass, path: string, model: Model, x: Value): ModelResult {
  if (model.diffusion_head?.enabled === true) {
    throw new ExperimentError(
      "unsupported",
      "the embedded engine has no diffusion_head; use system.diffusion_denoiser",
    );
  }
  const { graph } = pass;
  const stream = embed(pass, under(path, "embedder"), model.embedder, x);
  let features = applyTopology(pass, under(path, "topology"), model.topology, stream);
  if (model.pooling === "mean") features = graph.mean(features, [1]);
  if (model.pooling === "first") {
    const [batch = 1, , ...rest] = features.shape;
    features = graph.reshape(graph.slice(features, 1, 0, 1), [batch, ...rest]);
  }
  return { features, output: tied(pass, path, model, features) };
}

function tied(pass: ForwardPass, path: string, model: Model, features: Value): Value {
  const { embedder } = model;
  if (!model.tied_embeddings || embedder.type !== "token") return features;
  const width = features.shape.at(-1);
  if (width === embedder.vocab_size) return features;
  if (width !== embedder.d_model) {
    throw new ExperimentError(
      "shape_mismatch",
      `dimension mismatch for tied embeddings: the topology ends with a width of ${width}, ` +
        `expected d_model=${embedder.d_model} or vocab_size=${embedder.vocab_size}`,
    );
  }
  const table = pass.parameter(
    under(path, "embedder.token_embedding.weight"),
    [embedder.vocab_size, embedder.d_model],
    { kind: "normal", std: 1 },
  );
  return pass.graph.timesTransposed(features, table);
}
