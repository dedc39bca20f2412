import {
  type Infer,
  type InferInput,
  type Schema,
  anything,
  boolean,
  defaulted,
  exactly,
  listOf,
  mapOf,
  nonNegativeNumber,
  number,
  object,
  oneOf,
  optional,
  positiveInteger,
  positiveNumber,
  probability,
  refined,
  required,
  seedNumber,
  string,
  tagged,
  wholeNumber,
} from "../internal/schema.js";
import { type Located, type LocatedMap, entryOf, map, scalar } from "../internal/located.js";
import { graphSystemComplaints } from "../internal/check-model.js";
import { graphTopologySchema } from "./graph.js";
import { modelSchema } from "./model.js";

const path = string({ min: 1 });

/** Code of the user's in the place of a built-in component. */
const symbol = refined(path, (text, report) => {
  if (!/^(js:(?!#).+#[A-Za-z_$][\w$]*|python:[\w.]+:[A-Za-z_]\w*)$/.test(text))
    report({
      code: "wrong_type",
      expected: "js:./file.mjs#Export or python:module:Symbol",
      found: JSON.stringify(text.slice(0, 60)),
    });
});

/** A component that the user's own code makes; the manifest does not know what its configuration means. */
export interface CustomComponent {
  readonly ref: string;
  readonly impl: string;
  readonly config: Readonly<Record<string, unknown>>;
}

type Variants = Readonly<Record<string, Schema<unknown, unknown>>>;
type Built<V extends Variants> = {
  readonly [K in keyof V & string]: { readonly ref: K; readonly impl: null; readonly config: Infer<V[K]> };
}[keyof V & string];
type BuiltInput<V extends Variants> = {
  readonly [K in keyof V & string]: {
    readonly ref: K;
    readonly impl?: null | undefined;
    readonly config?: InferInput<V[K]> | undefined;
  };
}[keyof V & string];

/** A component as a program may write it. */
export type ComponentInput<V extends Variants> =
  | (keyof V & string)
  | BuiltInput<V>
  | { readonly ref: string; readonly impl: string; readonly config?: Readonly<Record<string, unknown>> | undefined };

/** A component: `ref` alone, or `{ ref, config }`, or `{ ref, impl, config }` for code of the user's. */
function component<V extends Variants>(
  expected: string,
  configs: V,
): Schema<Built<V> | CustomComponent, ComponentInput<V>> {
  const custom = object(`${expected} of your own`, {
    ref: required(path, "Its name in reports."),
    impl: required(symbol, "js:./file.mjs#Export or python:module:Symbol."),
    config: defaulted(mapOf(anything()), {}, "What it is given."),
  });
  const variants = Object.fromEntries(
    Object.entries(configs).map(([ref, config]) => [ref, withConfig(ref, config)] as const),
  );
  const isCustom = (node: LocatedMap): boolean => {
    const impl = entryOf(node, "impl")?.value;
    return impl !== undefined && !(impl.kind === "scalar" && impl.value === null);
  };
  const union = tagged("ref", expected, variants, { otherwise: { takes: isCustom, schema: custom } });
  const long = (node: Located): Located =>
    node.kind === "scalar" && typeof node.value === "string"
      ? {
          ...map(
            [
              {
                key: "ref",
                keyOffset: node.offset,
                value: { ...scalar(node.value, node.offset), ...variableOf(node) },
              },
            ],
            node.offset,
          ),
          ...variableOf(node),
        }
      : node;
  return {
    expected,
    // The variants are built from `configs`, key by key.
    check: (node, context) => union.check(long(node), context) as Built<V> | CustomComponent,
    visit: (value, path, visitor) => {
      const isOwn = typeof value === "object" && value !== null && "impl" in value && value.impl !== null;
      if (!isOwn) union.visit?.(value, path, visitor);
    },
    json: (definitions) => ({
      anyOf: [{ enum: Object.keys(configs) }, ...((union.json(definitions)["anyOf"] as unknown[] | undefined) ?? [])],
    }),
  };
}

const variableOf = ({ variable }: Located): Pick<Located, "variable"> => (variable === undefined ? {} : { variable });

function withConfig(ref: string, config: Schema<unknown, unknown>): Schema<unknown, unknown> {
  const fields = {
    ref: required(exactly(ref), ""),
    impl: optional(symbol, "Nothing: this is a built-in."),
  };
  const full = object(ref, { ...fields, config: required(config, "Its configuration.") });
  return {
    expected: ref,
    check(node, context) {
      // A missing configuration is an empty one: what it lacks is said at its own keys.
      const isBare = node.kind === "map" && entryOf(node, "config") === undefined;
      const given = isBare
        ? {
            ...node,
            entries: [...node.entries, { key: "config", keyOffset: node.offset, value: map([], node.offset) }],
          }
        : node;
      return full.check(given, context);
    },
    json: (definitions) => full.json(definitions),
    visit: (value, path, visitor) => full.visit?.(value, path, visitor),
  };
}

// ---- data ----

const generated = {
  seed: defaulted(seedNumber, 0, "Seed of the generator."),
};

const textTokenizer = tagged("type", "a tokenizer", {
  byte: object("byte tokenizer", { type: required(exactly("byte"), "") }),
  bpe: object("bpe tokenizer", {
    type: required(exactly("bpe"), ""),
    vocab_size: required(number({ whole: true, min: 257 }), "Tokens to learn, the 256 bytes included."),
  }),
  "hf-json": object("hf-json tokenizer", {
    type: required(exactly("hf-json"), ""),
    path: required(path, "A tokenizer.json of Hugging Face."),
  }),
  tiktoken: object("tiktoken tokenizer", {
    type: required(exactly("tiktoken"), ""),
    path: required(path, "A .tiktoken file."),
  }),
});

export const tokenPreparations = {
  text: object("prepare text", {
    type: required(exactly("text"), ""),
    files: required(listOf(path, { min: 1 }), "Text files, in UTF-8."),
    tokenizer: optional(textTokenizer, "How texts become ids; as defaults.data.tokenizer says when missing."),
    append_eos: defaulted(boolean(), true, "Whether each file ends with the end-of-text token."),
  }),
  generate: object("prepare generate tokens", {
    type: required(exactly("generate"), ""),
    kind: defaulted(oneOf(["markov", "associations"]), "markov", "What the tokens are like."),
    vocab_size: defaulted(positiveInteger, 256, "Ids are below."),
    tokens: defaulted(positiveInteger, 262_144, "How many."),
    order: defaulted(positiveInteger, 1, "Tokens that the next one depends on."),
    branching: defaulted(positiveInteger, 4, "Tokens that may come next."),
    ...generated,
  }),
  fineweb: object("prepare fineweb", {
    type: required(exactly("fineweb"), ""),
    tokens: required(
      refined(path, (text, report) => {
        if (!/^\d+(\.\d+)?[kKmMbB]?$/.test(text))
          report({
            code: "wrong_type",
            expected: 'a number of tokens such as "100M"',
            found: JSON.stringify(text.slice(0, 60)),
          });
      }),
      "How many, such as 100M.",
    ),
    tokenizer: defaulted(oneOf(["llama", "tiktoken", "gpt2"]), "llama", "How texts become ids."),
    model_id: optional(path, "The model whose tokenizer is taken."),
    dataset: defaulted(path, "HuggingFaceFW/fineweb", "The dataset on the hub."),
    subset: optional(path, "Its subset."),
    split: defaulted(path, "train", "Its split."),
    text_field: defaulted(path, "text", "The field with the text."),
    max_chars: defaulted(positiveInteger, 50_000, "Longer texts are cut."),
    append_eos: defaulted(boolean(), true, "Whether each text ends with the end-of-text token."),
    append_bos: defaulted(boolean(), false, "Whether each text begins with the begin-of-text token."),
    rebuild_on_failure: defaulted(boolean(), true, "Whether it is made again when its ids do not fit the model."),
  }),
} as const;

const prepareTokens = tagged("type", "a preparation", tokenPreparations);

const generateVectors = object("prepare generate classes", {
  type: required(exactly("generate"), ""),
  samples: defaulted(positiveInteger, 4096, "How many."),
  shape: required(listOf(positiveInteger, { min: 1 }), "Dimensions of one sample."),
  classes: defaulted(positiveInteger, 10, "Labels are below."),
  spread: defaulted(positiveNumber, 1, "Distance of the classes' centres, in standard deviations of the noise."),
  ...generated,
});
const generateGraph = object("prepare generate graph", {
  type: required(exactly("generate"), ""),
  nodes: defaulted(positiveInteger, 512, "Nodes of the graph."),
  features: required(positiveInteger, "Width of a node's features."),
  classes: defaulted(positiveInteger, 7, "Communities, which are the labels."),
  edges_inside: defaulted(positiveNumber, 6, "Mean edges of a node within its community."),
  edges_outside: defaulted(nonNegativeNumber, 1, "Mean edges of a node to the others."),
  spread: defaulted(positiveNumber, 1, "Distance of the classes' centres, in standard deviations of the noise."),
  ...generated,
});
const generateMixture = object("prepare generate mixture", {
  type: required(exactly("generate"), ""),
  samples: defaulted(positiveInteger, 4096, "How many."),
  d: required(positiveInteger, "Width of a sample."),
  modes: defaulted(positiveInteger, 8, "Gaussians in the mixture."),
  spread: defaulted(positiveNumber, 4, "Distance of their centres, in their standard deviations."),
  ...generated,
});

const transform = tagged("type", "a transform", {
  rename_keys: object("rename_keys", {
    type: required(exactly("rename_keys"), ""),
    mapping: required(mapOf(path), "New names by the old ones."),
  }),
  cast_dtype: object("cast_dtype", {
    type: required(exactly("cast_dtype"), ""),
    dtypes: required(
      mapOf(oneOf(["float32", "float16", "bfloat16", "int32", "int64", "uint8", "bool"])),
      "Types by key.",
    ),
  }),
  add_mask: object("add_mask", {
    type: required(exactly("add_mask"), ""),
    src_key: defaulted(path, "targets", "What is looked at."),
    mask_key: defaulted(path, "mask", "Where the mask goes."),
    ignore_index: defaulted(wholeNumber, -100, "The value that is masked."),
  }),
  token_shift: object("token_shift", {
    type: required(exactly("token_shift"), ""),
    src: defaulted(path, "tokens", "What is split into inputs and targets, one step apart."),
  }),
  gaussian_noise: object("gaussian_noise", {
    type: required(exactly("gaussian_noise"), ""),
    src: defaulted(path, "inputs", "What noise is added to."),
    out: defaulted(path, "noisy", "Where the sum goes."),
    sigma: defaulted(nonNegativeNumber, 1, "Standard deviation of the noise."),
  }),
  graph_batch: object("graph_batch", { type: required(exactly("graph_batch"), "") }),
});

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

// ---- systems ----

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

// ---- objectives ----

const smoothing = {
  ignore_index: defaulted(wholeNumber, -100, "Targets with this value count nothing."),
  label_smoothing: defaulted(probability, 0, "Share of the target that is spread over all classes."),
};

export const objectiveConfigs = {
  "objective.next_token_ce": object("objective.next_token_ce config", {
    logits_key: defaulted(path, "logits", "The model's scores."),
    target_key: defaulted(path, "target_ids", "The next tokens."),
    ...smoothing,
  }),
  "objective.classification_ce": object("objective.classification_ce config", {
    logits_key: defaulted(path, "logits", "The model's scores."),
    labels_key: defaulted(path, "labels", "The classes."),
    ...smoothing,
  }),
  "objective.mse": object("objective.mse config", {
    pred_key: defaulted(path, "pred", "What the model says."),
    target_key: defaulted(path, "targets", "What it should say."),
  }),
} as const;

export const objectiveSchema = component("objective", objectiveConfigs);

// ---- trainers ----

const folders = {
  checkpoint_dir: optional(path, "Where checkpoints go; runs/<manifest>/<target> when missing."),
  resume_from: optional(path, "A checkpoint to go on from."),
};
const scope = listOf(path, { single: true });

export const trainerConfigs = {
  "trainer.standard": object("trainer.standard config", {
    ...folders,
    early_stopping_patience: optional(positiveInteger, "Validations without an improvement after which a run ends."),
    early_stopping_min_delta: defaulted(nonNegativeNumber, 0, "Less than this is no improvement."),
    keep_best: defaulted(boolean(), true, "Whether the checkpoint with the lowest validation loss is kept."),
  }),
  "trainer.upcycle": object("trainer.upcycle config", folders),
  "trainer.upcycle_eval": object("trainer.upcycle_eval config", {
    teacher_ckpt: required(path, "The teacher's checkpoint."),
    student_ckpt: required(path, "The student's checkpoint."),
    device: defaulted(path, "cpu", "Where they run."),
    dtype: defaulted(oneOf(["auto", "float32", "float16", "bfloat16"]), "auto", "Their numbers."),
  }),
  "trainer.gradient_isolation": object("trainer.gradient_isolation config", {
    ...folders,
    trainable_scope: defaulted(scope, [], "Patterns of parameters' names; only these are trained."),
    frozen_scope: defaulted(scope, [], "Patterns of parameters' names that are not trained, whatever the other says."),
  }),
} as const;

export const trainerSchema = component("trainer", trainerConfigs);

// ---- metrics, tasks ----

export const metricConfigs = {
  "metric.perplexity": object("metric.perplexity config", {}),
  "metric.accuracy": object("metric.accuracy config", {}),
  "evaluator.latency": object("evaluator.latency config", {}),
  "evaluator.memory": object("evaluator.memory config", {}),
} as const;

export const metricSchema = component("metric", metricConfigs);

/** What is learned. */
export const tasks = [
  "task.language_modeling",
  "task.classification",
  "task.node_classification",
  "task.denoising",
] as const;

const taskAliases: Readonly<Record<string, (typeof tasks)[number]>> = {
  "task.supervised_classification": "task.classification",
  "task.graph_node_classification": "task.node_classification",
  "task.diffusion_denoising": "task.denoising",
};

const taskName = oneOf(tasks, taskAliases);

/** A task's name, alone or as `{ ref }`. */
export const taskSchema: Schema<(typeof tasks)[number], TaskInput> = {
  expected: taskName.expected,
  check(node, context) {
    if (node.kind !== "map") return taskName.check(node, context);
    const found = object("task", { ref: required(taskName, "") }).check(node, context);
    return typeof found === "symbol" ? found : found.ref;
  },
  json: (definitions) => ({
    anyOf: [taskName.json(definitions), object("task", { ref: required(taskName, "The task.") }).json(definitions)],
  }),
};

export type Task = (typeof tasks)[number];
export type TaskInput = Task | { readonly ref: Task };
/** Where samples come from; told apart by `ref`, unless `impl` names code of the user's. */
export type Data = Infer<typeof dataSchema>;
/** What is trained; told apart by `ref`, unless `impl` names code of the user's. */
export type System = Infer<typeof systemSchema>;
/** What is minimised; told apart by `ref`, unless `impl` names code of the user's. */
export type Objective = Infer<typeof objectiveSchema>;
/** How it is trained; told apart by `ref`, unless `impl` names code of the user's. */
export type Trainer = Infer<typeof trainerSchema>;
export type Metric = Infer<typeof metricSchema>;
export type TokenPreparation = Infer<(typeof tokenPreparations)[keyof typeof tokenPreparations]>;
export type Transform = Infer<typeof transform>;

/** The configuration of a built-in dataset, such as `DataConfig<"dataset.tokens">`. */
export type DataConfig<K extends keyof typeof dataConfigs> = Infer<(typeof dataConfigs)[K]>;
export type SystemConfig<K extends keyof typeof systemConfigs> = Infer<(typeof systemConfigs)[K]>;
export type ObjectiveConfig<K extends keyof typeof objectiveConfigs> = Infer<(typeof objectiveConfigs)[K]>;
export type TrainerConfig<K extends keyof typeof trainerConfigs> = Infer<(typeof trainerConfigs)[K]>;
