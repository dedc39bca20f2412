import type { AttentionLayer, Layer } from "@vrx/manifest";
import { ExperimentError } from "../errors.js";
import type { Value } from "../tensor/graph.js";
import { attention } from "./attention.js";
import { convolution } from "./convolution.js";
import { dense, gatedFeedForward } from "./feed-forward.js";
import type { ForwardPass } from "./forward-pass.js";
import { graphConvolution } from "./graph-convolution.js";
import { linear, loraLinear } from "./linear.js";
import { mixtureOfExperts } from "./mixture-of-experts.js";
import { layerNorm, rmsNorm } from "./normalization.js";
import { recurrent } from "./recurrent.js";
import { stateSpace } from "./state-space.js";

/**
 * One layer of a manifest applied to its inputs. All but graph convolutions take one; those take the adjacency matrix
 * after the features. Throws `shape_mismatch` where an input does not fit, with the layer's path.
 */
export function applyLayer(pass: ForwardPass, path: string, layer: Layer, inputs: readonly Value[]): Value {
  const [x, adjacency] = inputs;
  const wanted = layer.type === "GraphConvLayer" ? 2 : 1;
  if (x === undefined || inputs.length !== wanted) {
    const what = wanted === 2 ? "two inputs (features and adjacency)" : "one input";
    throw new ExperimentError("invalid_layer", `${path}: ${layer.type} takes ${what}, found ${inputs.length}`);
  }
  switch (layer.type) {
    case "LinearLayer":
      return linear(pass, path, x, layer);
    case "LoRALinearLayer":
      return loraLinear(pass, path, x, layer);
    case "LayerNormLayer":
      return layerNorm(pass, path, x, layer);
    case "RMSNormLayer":
      return rmsNorm(pass, path, x, layer);
    case "DropoutLayer":
      return pass.dropout(x, layer.p);
    case "SwiGLULayer":
      return gatedFeedForward(pass, path, x, { ...layer, activation: "silu" });
    case "GLULayer":
      return gatedFeedForward(pass, path, x, layer);
    case "DenseLayer":
      return dense(pass, path, x, layer);
    case "MoELayer":
      return mixtureOfExperts(pass, path, x, layer);
    case "SSMLayer": {
      const dt_rank = layer.dt_rank === "auto" ? Math.ceil(layer.d_model / 16) : layer.dt_rank;
      return stateSpace(pass, path, x, { ...layer, dt_rank });
    }
    case "Conv2dLayer":
      return convolution(pass, path, x, layer);
    case "RNNLayer":
      return recurrent(pass, path, x, layer);
    case "GraphConvLayer":
      return graphConvolution(pass, path, x, adjacency ?? x, layer);
    case "AttentionLayer":
      return attention(pass, path, x, attentionConfig(layer, path));
  }
}

function attentionConfig(layer: AttentionLayer, path: string): Parameters<typeof attention>[3] {
  if (layer.mem_block !== null) {
    throw new ExperimentError("unsupported", `${path}: the embedded engine has no mem_block; leave it out`);
  }
  return {
    ...layer,
    n_kv_heads: layer.n_kv_heads ?? layer.n_heads,
    attn_dim: layer.attn_dim ?? layer.d_model,
  };
}
