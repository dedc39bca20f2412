import {
  type Infer,
  boolean,
  defaulted,
  exactly,
  listOf,
  nonNegativeNumber,
  number,
  object,
  oneOf,
  optional,
  positiveInteger,
  positiveNumber,
  refined,
  required,
  seedNumber,
  tagged,
} from "../internal/schema.js";
import { path } from "./component.js";

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

/** How token ids are made. */
export const prepareTokens = tagged("type", "a preparation", tokenPreparations);

export const generateVectors = object("prepare generate classes", {
  type: required(exactly("generate"), ""),
  samples: defaulted(positiveInteger, 4096, "How many."),
  shape: required(listOf(positiveInteger, { min: 1 }), "Dimensions of one sample."),
  classes: defaulted(positiveInteger, 10, "Labels are below."),
  spread: defaulted(positiveNumber, 1, "Distance of the classes' centres, in standard deviations of the noise."),
  ...generated,
});
export const generateGraph = object("prepare generate graph", {
  type: required(exactly("generate"), ""),
  nodes: defaulted(positiveInteger, 512, "Nodes of the graph."),
  features: required(positiveInteger, "Width of a node's features."),
  classes: defaulted(positiveInteger, 7, "Communities, which are the labels."),
  edges_inside: defaulted(positiveNumber, 6, "Mean edges of a node within its community."),
  edges_outside: defaulted(nonNegativeNumber, 1, "Mean edges of a node to the others."),
  spread: defaulted(positiveNumber, 1, "Distance of the classes' centres, in standard deviations of the noise."),
  ...generated,
});
export const generateMixture = object("prepare generate mixture", {
  type: required(exactly("generate"), ""),
  samples: defaulted(positiveInteger, 4096, "How many."),
  d: required(positiveInteger, "Width of a sample."),
  modes: defaulted(positiveInteger, 8, "Gaussians in the mixture."),
  spread: defaulted(positiveNumber, 4, "Distance of their centres, in their standard deviations."),
  ...generated,
});

export type TokenPreparation = Infer<(typeof tokenPreparations)[keyof typeof tokenPreparations]>;
