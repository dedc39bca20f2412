import {
  type Infer,
  type InferInput,
  type Schema,
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
  probability,
  refined,
  required,
  string,
  tagged,
} from "../internal/schema.js";

const text = string({ min: 1 });
const failFast = defaulted(boolean(), false, "Whether a violation ends the run with an error.");

const l1 = refined(
  object("L1 thresholds", {
    max_mean_l1: optional(nonNegativeNumber, "Largest mean difference."),
    max_max_l1: optional(nonNegativeNumber, "Largest difference."),
  }),
  ({ max_mean_l1, max_max_l1 }, report) => {
    if (max_mean_l1 === null && max_max_l1 === null)
      report({ code: "missing_key", expected: "max_mean_l1 or max_max_l1", found: "neither" });
  },
);

const evalTokenizer = tagged("type", "a tokenizer", {
  tiktoken: object("tiktoken", {
    type: required(exactly("tiktoken"), ""),
    encoding: defaulted(text, "gpt2", "Its name."),
  }),
  llama: object("llama", {
    type: required(exactly("llama"), ""),
    model_id: defaulted(text, "meta-llama/Llama-3.2-1B", "The model whose tokenizer it is."),
  }),
  gpt2: object("gpt2", { type: required(exactly("gpt2"), "") }),
  byte: object("byte", { type: required(exactly("byte"), "") }),
  "hf-json": object("hf-json", { type: required(exactly("hf-json"), ""), path: required(text, "A tokenizer.json.") }),
});

const integer = number({ whole: true, min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
const stringOrInteger: Schema<string | number> = {
  expected: "a text or a whole number",
  check: (node, context) =>
    node.kind === "scalar" && typeof node.value === "number" ? integer.check(node, context) : text.check(node, context),
  json: () => ({ type: ["string", "integer"] }),
};

const evalCase = refined(
  object("eval case", {
    id: required(text, "Its name in the report."),
    prompt: required(string(), "What the model is given."),
    kind: required(
      oneOf(["choice_logprob", "int_greedy", "exact_match_greedy"]),
      "Rank choices, read a number, or compare the text.",
    ),
    choices: optional(listOf(string({ min: 1 }), { min: 1 }), "What is ranked (choice_logprob)."),
    answer: required(stringOrInteger, "What is right."),
  }),
  ({ kind, choices, answer }, report) => {
    const bad = (path: string, expected: string, found: string | number | readonly string[]): void =>
      report({ code: "does_not_fit", path: [path], expected, found: JSON.stringify(found) });
    if (kind === "choice_logprob") {
      if (choices === null)
        report({
          code: "missing_key",
          path: ["choices"],
          expected: "a list of texts, for choice_logprob",
          found: "nothing",
        });
      else if (!choices.includes(String(answer)) || typeof answer !== "string")
        bad("answer", `one of the choices (${choices.slice(0, 8).join(", ")})`, answer);
    } else if (choices !== null) bad("choices", `nothing where kind is ${kind}`, choices.slice(0, 4));
    if (kind === "int_greedy" && typeof answer !== "number") bad("answer", "a whole number, for int_greedy", answer);
    if (kind === "exact_match_greedy" && (typeof answer !== "string" || answer.trim() === ""))
      bad("answer", "a text that is not empty, for exact_match_greedy", answer);
  },
);

const policy = tagged("kind", "a cache policy", {
  standard: object("standard cache", {
    kind: required(exactly("standard"), ""),
    n_kv_heads: required(positiveInteger, "Heads of keys and values."),
    head_dim: required(positiveInteger, "Width of a head."),
    dtype: defaulted(oneOf(["fp32", "fp16", "q8_0", "q4_0", "nf4"]), "fp16", "How values are kept."),
  }),
  decoupled: object("decoupled cache", {
    kind: required(exactly("decoupled"), ""),
    sem_dim: required(positiveInteger, "Width of semantic keys."),
    geo_dim: required(positiveInteger, "Width of geometric keys."),
    v_dim: required(positiveInteger, "Width of values."),
    dtype: defaulted(oneOf(["fp32", "fp16", "q8_0", "q4_0", "nf4"]), "fp16", "How values are kept."),
  }),
});

export const verifySchemas = {
  compare: refined(
    object("verify compare", {
      type: required(exactly("compare"), ""),
      batches: required(positiveInteger, "Batches that are compared."),
      attention: optional(l1, "Thresholds for the outputs of attention layers."),
      logits: optional(l1, "Thresholds for the logits."),
      fail_fast: failFast,
    }),
    ({ attention, logits }, report) => {
      if (attention === null && logits === null)
        report({ code: "missing_key", expected: "attention or logits", found: "neither" });
    },
  ),
  fidelity: refined(
    object("verify fidelity", {
      type: required(exactly("fidelity"), ""),
      batches: required(positiveInteger, "Batches that are compared."),
      block_size: optional(positiveInteger, "Tokens in a sample; the run's when missing."),
      batch_size: optional(positiveInteger, "Samples in a batch; the run's when missing."),
      split: defaulted(oneOf(["auto", "train", "val"]), "auto", "auto: held-out data where there is some."),
      max_delta_nll: optional(nonNegativeNumber, "Largest loss above the teacher's."),
      max_ppl_ratio: optional(positiveNumber, "Largest perplexity as a multiple of the teacher's."),
      fail_fast: failFast,
    }),
    ({ max_delta_nll, max_ppl_ratio }, report) => {
      if (max_delta_nll === null && max_ppl_ratio === null)
        report({ code: "missing_key", expected: "max_delta_nll or max_ppl_ratio", found: "neither" });
    },
  ),
  eval: refined(
    object("verify eval", {
      type: required(exactly("eval"), ""),
      tokenizer: required(evalTokenizer, "How prompts become ids."),
      max_new_tokens: required(positiveInteger, "Tokens that are generated at most."),
      context_window: optional(positiveInteger, "Tokens that the model sees at most."),
      cases: required(listOf(evalCase, { min: 1 }), "What the model is asked."),
      thresholds: defaulted(
        object("eval thresholds", {
          min_student_accuracy: optional(probability, "Smallest share of right answers."),
          max_accuracy_drop: optional(probability, "Largest share below the teacher's."),
        }),
        { min_student_accuracy: null, max_accuracy_drop: null },
        "What passes; a violation always ends the run with an error.",
      ),
    }),
    ({ cases }, report) => {
      const ids = new Set<string>();
      for (const [index, { id }] of cases.entries()) {
        if (ids.has(id))
          report({
            code: "duplicate_name",
            path: ["cases", index, "id"],
            expected: "an id that no other case has",
            found: JSON.stringify(id),
          });
        ids.add(id);
      }
    },
  ),
  kvcache: object("verify kvcache", {
    type: required(exactly("kvcache"), ""),
    n_layers: required(positiveInteger, "Attention layers."),
    batch_size: required(positiveInteger, "Samples."),
    max_seq_len: required(positiveInteger, "Tokens in the cache."),
    teacher: required(policy, "The teacher's cache."),
    student: required(policy, "The student's cache."),
    min_reduction_ratio: optional(positiveNumber, "The teacher's bytes are at least this many times the student's."),
  }),
} as const;

export const verifySchema = tagged("type", "a verification", verifySchemas);

/** What is checked after a run; told apart by `type`. */
export type Verify = Infer<typeof verifySchema>;
export type VerifyInput = InferInput<typeof verifySchema>;
