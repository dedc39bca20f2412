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
  required,
  seedNumber,
} from "../internal/schema.js";
import { component, path } from "./component.js";
import { generateGraph, generateMixture, generateVectors, prepareTokens } from "./preparations.js";
import { transform } from "./transforms.js";

export const dataConfigs = {
  "dataset.tokens": object("dataset.tokens config", {
    path: required(path, "Token ids: .npy, or .tokens and .txt with numbers."),
    block_size: required(positiveInteger, "Tokens in a sample."),
    prepare: optional(prepareTokens, "How the file is made when it is not there."),
  }),
  "dataset.npy_supervised": object("dataset.npy_supervised config", {
    x_path: required(path, "Inputs, one row per sample (.npy)."),
    y_path: required(path, "Targets, one row per sample (.npy)."),
    mmap: defaulted(boolean(), true, "Whether files may be mapped instead of read."),
    prepare: optional(generateVectors, "How the files are made when they are not there."),
  }),
  "dataset.graph_npy": object("dataset.graph_npy config", {
    x_path: required(path, "Features, N x F (.npy)."),
    adj_path: required(path, "Adjacency, N x N (.npy)."),
    labels_path: required(path, "Labels, N (.npy)."),
    add_self_loops: defaulted(boolean(), true, "Whether each node is made its own neighbour."),
    train_mask_path: optional(path, "Nodes to train on, N (.npy)."),
    val_mask_path: optional(path, "Nodes to validate on, N (.npy)."),
    prepare: optional(generateGraph, "How the files are made when they are not there."),
  }),
  "dataset.diffusion_vector": object("dataset.diffusion_vector config", {
    x_path: required(path, "Samples without noise, one row each (.npy)."),
    timesteps: defaulted(positiveInteger, 1000, "Levels of noise."),
    prepare: optional(generateMixture, "How the file is made when it is not there."),
  }),
  "dataset.random_tokens": object("dataset.random_tokens config", {
    vocab_size: required(number({ whole: true, min: 2 }), "Ids are below."),
    block_size: required(positiveInteger, "Tokens in a sample."),
    length: defaulted(positiveInteger, 4096, "Samples."),
    seed: defaulted(seedNumber, 0, "Seed of the generator."),
  }),
  "dataset.tensors": object("dataset.tensors config", {
    files: required(mapOf(path), "Files (.npy, .safetensors) by key."),
    mmap: defaulted(boolean(), true, "Whether files may be mapped instead of read."),
    safetensors_tensors: defaulted(mapOf(path), {}, "Names of tensors by key, for files with several."),
    transforms: defaulted(listOf(transform), [], "Applied to each sample, in order."),
  }),
} as const;

export const dataSchema = component("data", dataConfigs);

/** Where samples come from; told apart by `ref`, unless `impl` names code of the user's. */
export type Data = Infer<typeof dataSchema>;

/** The configuration of a built-in dataset, such as `DataConfig<"dataset.tokens">`. */
export type DataConfig<K extends keyof typeof dataConfigs> = Infer<(typeof dataConfigs)[K]>;
