import {
  type Infer,
  boolean,
  defaulted,
  listOf,
  mapOf,
  number,
  object,
  optional,
  positiveInteger,
  probability,
  refined,
  required,
} from "../internal/schema.js";
import { graphSystemComplaints } from "../internal/check-model.js";
import { component, path } from "./component.js";
import { graphTopologySchema } from "./graph.js";
import { modelSchema } from "./model.js";

export const systemConfigs = {
  "system.language_model": object("system.language_model config", {
    model: required(modelSchema, "The model: ids in, logits out."),
  }),
  "system.generic": object("system.generic config", {
    model: required(modelSchema, "The model: one tensor in, one out."),
    input_key: defaulted(path, "inputs", "What goes in."),
    output_key: defaulted(path, "logits", "What comes out."),
    output_keys: optional(listOf(path, { min: 1 }), "Only these come out."),
    return_features: defaulted(boolean(), false, "Whether the topology's result comes out too."),
    features_key: optional(path, "Its name; features when missing."),
    input_shape: optional(listOf(positiveInteger, { min: 1 }), "Dimensions of one sample, for the estimates."),
  }),
  "system.graph": refined(
    object("system.graph config", {
      topology: required(graphTopologySchema, "The graph."),
      output_keys: optional(listOf(path, { min: 1 }), "Only these come out; all keys when missing."),
      input_shapes: defaulted(
        mapOf(listOf(positiveInteger)),
        {},
        "Dimensions of one sample by key, for shapes and estimates.",
      ),
    }),
    (config, report) => graphSystemComplaints(config).forEach(report),
  ),
  "system.mlp_classifier": object("system.mlp_classifier config", {
    d_in: required(positiveInteger, "Width of what goes in."),
    d_hidden: required(positiveInteger, "Width inside."),
    n_layers: required(positiveInteger, "Hidden layers."),
    n_classes: required(positiveInteger, "Classes."),
    dropout: defaulted(probability, 0, "After each hidden layer."),
  }),
  "system.gcn": object("system.gcn config", {
    d_in: required(positiveInteger, "Width of a node's features."),
    d_hidden: required(positiveInteger, "Width inside."),
    n_classes: required(positiveInteger, "Classes."),
    dropout: defaulted(probability, 0, "Between the two layers."),
  }),
  "system.diffusion_denoiser": object("system.diffusion_denoiser config", {
    d_in: required(positiveInteger, "Width of a sample."),
    d_hidden: defaulted(positiveInteger, 256, "Width inside."),
    time_dim: defaulted(number({ whole: true, min: 4 }), 64, "Width of the embedding of a level of noise."),
    n_layers: defaulted(positiveInteger, 2, "Hidden layers."),
  }),
} as const;

export const systemSchema = component("system", systemConfigs);

/** What is trained; told apart by `ref`, unless `impl` names code of the user's. */
export type System = Infer<typeof systemSchema>;
export type SystemConfig<K extends keyof typeof systemConfigs> = Infer<(typeof systemConfigs)[K]>;
