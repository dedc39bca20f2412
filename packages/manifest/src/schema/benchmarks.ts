import {
  type Infer,
  type InferInput,
  boolean,
  defaulted,
  exactly,
  listOf,
  naturalNumber,
  object,
  oneOf,
  optional,
  positiveInteger,
  required,
  string,
  tagged,
} from "../internal/schema.js";

const text = string({ min: 1 });
const lengths = listOf(positiveInteger, { min: 1 });
const cacheKinds = oneOf(["fp32", "fp16", "q8_0", "q4_0", "nf4"], { q8: "q8_0", q4: "q4_0" });

export const benchmarkSchemas = {
  perplexity: object("benchmark perplexity", {
    type: required(exactly("perplexity"), ""),
    dataset: required(text, "Token ids (.npy)."),
    block_size: defaulted(positiveInteger, 2048, "Tokens in a window."),
    batch_size: defaulted(positiveInteger, 1, "Windows at a time."),
    num_batches: optional(positiveInteger, "Batches at most; all when missing."),
    stride: optional(positiveInteger, "Tokens between two windows; block_size when missing."),
  }),
  latency: object("benchmark latency", {
    type: required(exactly("latency"), ""),
    prompt_lengths: defaulted(lengths, [128, 512, 1024, 2048], "Tokens of the prompts."),
    generation_lengths: defaulted(lengths, [128, 256, 512], "Tokens that are generated."),
    batch_sizes: defaulted(lengths, [1, 4, 8], "Samples at a time."),
    warmup_runs: defaulted(naturalNumber, 3, "Runs that are not timed."),
    timed_runs: defaulted(positiveInteger, 10, "Runs that are timed."),
    use_cache: defaulted(boolean(), true, "Whether keys and values are kept."),
    cache_kind: optional(cacheKinds, "How they are kept; as the backend keeps them when missing."),
  }),
  memory: object("benchmark memory", {
    type: required(exactly("memory"), ""),
    sequence_lengths: defaulted(lengths, [512, 1024, 2048, 4096], "Tokens."),
    batch_sizes: defaulted(lengths, [1, 4, 8], "Samples at a time."),
    measure_peak: defaulted(boolean(), true, "Whether the peak is measured."),
    measure_kvcache: defaulted(boolean(), true, "Whether the cache is counted."),
    quantization_modes: defaulted(
      listOf(oneOf(["fp32", "fp16", "q8", "q4", "nf4"], { q8_0: "q8", q4_0: "q4" }), { min: 1 }),
      ["fp16", "q8", "q4"],
      "How the cache is kept.",
    ),
  }),
  accuracy: object("benchmark accuracy", {
    type: required(exactly("accuracy"), ""),
    tasks: required(
      listOf(oneOf(["hellaswag", "piqa", "winogrande", "arc_easy", "arc_challenge", "boolq"]), { min: 1 }),
      "What the model is asked.",
    ),
    num_fewshot: defaulted(naturalNumber, 0, "Examples before each question."),
    limit: optional(positiveInteger, "Questions at most."),
  }),
  behavior: object("benchmark behavior", {
    type: required(exactly("behavior"), ""),
    tokenizer: required(text, "How prompts become ids."),
    cases_file: required(text, "A YAML list of cases as in verify eval."),
    max_new_tokens: defaulted(positiveInteger, 32, "Tokens that are generated at most."),
  }),
  context: object("benchmark context", {
    type: required(exactly("context"), ""),
    context_lengths: defaulted(lengths, [2048, 4096, 8192, 16_384, 32_768], "Tokens."),
    chunk_size: defaulted(positiveInteger, 1024, "Tokens of the prompt at a time."),
    max_mask_elems: defaulted(positiveInteger, 16_000_000, "Values in a mask at most."),
    decode_len: defaulted(positiveInteger, 128, "Tokens that are generated."),
    decode_warmup: defaulted(naturalNumber, 8, "Tokens that are not timed."),
  }),
} as const;

/** A benchmark after all runs of a target. */
export const benchmarkSchema = object("benchmark", {
  id: required(text, "Its name in the report."),
  config: required(tagged("type", "a benchmark", benchmarkSchemas), "What is measured."),
  models: defaulted(listOf(oneOf(["teacher", "student"]), { min: 1 }), ["teacher", "student"], "Of which models."),
  repeats: defaulted(positiveInteger, 1, "How many times."),
});

export type Benchmark = Infer<typeof benchmarkSchema>;
export type BenchmarkInput = InferInput<typeof benchmarkSchema>;
/** What a benchmark measures; told apart by `type`. */
export type BenchmarkConfig = Benchmark["config"];
