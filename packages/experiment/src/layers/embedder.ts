import type { Embedder } from "@vrx/manifest";
import { ExperimentError } from "../errors.js";
import type { Value } from "../tensor/graph.js";
import { show } from "../tensor/shape.js";
import { type ForwardPass, expectRank, under } from "./forward-pass.js";
import { fanIn } from "./initial.js";

/** Rows of a table by their number; parameter `weight` (rows, width), as `torch.nn.Embedding`. */
export function tokenEmbedding(pass: ForwardPass, path: string, ids: Value, rows: number, width: number): Value {
  if (ids.dtype !== "int32") {
    throw new ExperimentError("shape_mismatch", `${path}: expected whole numbers (token ids), found ${ids.dtype}`);
  }
  const table = pass.parameter(under(path, "weight"), [rows, width], { kind: "normal", std: 1 });
  return pass.graph.take(table, ids, 0);
}

/** What goes in, as vectors: (batch, tokens, width). */
export function embed(pass: ForwardPass, path: string, embedder: Embedder, x: Value): Value {
  const { graph } = pass;
  switch (embedder.type) {
    case "none":
      return x;
    case "token":
      return tokenEmbedding(pass, under(path, "token_embedding"), x, embedder.vocab_size, embedder.d_model);
    case "patch": {
      expectRank(x, 4, path, "pictures (batch, channels, height, width)");
      const { image_size, patch_size: side, in_channels: channels, d_model } = embedder;
      const [batch = 1] = x.shape;
      if (x.shape[1] !== channels || x.shape[2] !== image_size || x.shape[3] !== image_size) {
        throw new ExperimentError(
          "shape_mismatch",
          `${path}: expected pictures of ${show([channels, image_size, image_size])}, found ${show(x.shape.slice(1))}`,
        );
      }
      const rows = image_size / side;
      // Patches do not overlap: a convolution by whole strides is a product of rearranged pictures.
      const cut = graph.reshape(x, [batch, channels, rows, side, rows, side]);
      const patches = graph.reshape(graph.transpose(cut, [0, 2, 4, 1, 3, 5]), [
        batch,
        rows * rows,
        channels * side * side,
      ]);
      const size = channels * side * side;
      const kernel = pass.parameter(under(path, "proj.weight"), [d_model, channels, side, side], fanIn(size));
      const bias = pass.parameter(under(path, "proj.bias"), [d_model], fanIn(size));
      const place = pass.parameter(under(path, "position_embedding"), [rows * rows, d_model], {
        kind: "normal",
        std: 0.02,
      });
      const projected = graph.timesTransposed(patches, graph.reshape(kernel, [d_model, size]));
      return graph.add(graph.add(projected, bias), place);
    }
  }
}
