import type { Verify } from "@vrx/manifest";
import type { Tokenizer } from "../data/tokenizers/tokenizer.js";
import { ExperimentError } from "../errors.js";
import { Decoder } from "../generate/decoder.js";
import { greatest } from "../generate/sample-token.js";
import type { ModelRunner } from "./model-runner.js";

/** How a model answered a case. */
export interface AnsweredCase {
  readonly id: string;
  readonly kind: string;
  readonly expected: string | number;
  /** What it said: a choice, a number (null where it said none), or a text. */
  readonly answer: string | number | null;
  readonly correct: boolean;
  /** The text that was generated. */
  readonly text: string | null;
  /** The log-probability of each choice. */
  readonly scores: Readonly<Record<string, number>> | null;
}

type Eval = Extract<Verify, { type: "eval" }>;
type Case = Eval["cases"][number];

/** Asks a model every case, one after the other. */
export async function answerCases(model: ModelRunner, tokenizer: Tokenizer, verify: Eval): Promise<AnsweredCase[]> {
  const answers: AnsweredCase[] = [];
  for (const one of verify.cases) answers.push(await answer(model, tokenizer, verify, one));
  return answers;
}

async function answer(model: ModelRunner, tokenizer: Tokenizer, verify: Eval, one: Case): Promise<AnsweredCase> {
  const prompt = tokenizer.encode(one.prompt);
  if (prompt.length === 0) throw new ExperimentError("verification_failed", `case ${one.id}: the prompt has no tokens`);
  const base = { id: one.id, kind: one.kind, expected: one.answer };
  if (one.kind === "choice_logprob") {
    const scores: Record<string, number> = {};
    for (const choice of one.choices ?? [])
      scores[choice] = await score(model, verify, prompt, tokenizer.encode(choice));
    // The first of the best: what ties is not preferred for coming later.
    const best = Object.entries(scores).reduce<[string, number]>((a, b) => (b[1] > a[1] ? b : a), ["", -Infinity])[0];
    return { ...base, answer: best, correct: best === one.answer, text: null, scores };
  }
  const text = tokenizer.decode(await generate(model, tokenizer, verify, prompt));
  if (one.kind === "int_greedy") {
    const found = /-?\d+/.exec(text)?.[0];
    // A text without a number is no answer, and no zero either.
    const number = found === undefined ? null : Number(found);
    return { ...base, answer: number, correct: number === one.answer, text, scores: null };
  }
  const said = text.trim();
  return { ...base, answer: said, correct: said === String(one.answer).trim(), text, scores: null };
}

function open(model: ModelRunner, max_tokens: number): Decoder {
  return new Decoder({ engine: model.engine, spec: model.spec, weights: model.weights, batch: 1, max_tokens });
}

/** The end of a prompt that leaves room for so many tokens in the context window. */
function fitting(prompt: readonly number[], verify: Eval, room: number): readonly number[] {
  if (verify.context_window === null) return prompt;
  return prompt.slice(-Math.max(1, verify.context_window - room));
}

/** The sum of the log-probabilities of the tokens after the prompt. */
async function score(
  model: ModelRunner,
  verify: Eval,
  whole: readonly number[],
  choice: readonly number[],
): Promise<number> {
  const prompt = fitting(whole, verify, choice.length);
  const decoder = open(model, prompt.length + choice.length);
  try {
    let sum = 0;
    let logits = await decoder.read([prompt]);
    for (const [i, token] of choice.entries()) {
      sum += logProbability(logits, token);
      if (i + 1 < choice.length) logits = await decoder.read([[token]]);
    }
    return sum;
  } finally {
    decoder.dispose();
  }
}

/** The most probable token after each other, until the text ends or there are enough. */
async function generate(
  model: ModelRunner,
  tokenizer: Tokenizer,
  verify: Eval,
  whole: readonly number[],
): Promise<number[]> {
  const prompt = fitting(whole, verify, verify.max_new_tokens);
  const decoder = open(model, prompt.length + verify.max_new_tokens);
  try {
    const tokens: number[] = [];
    let logits = await decoder.read([prompt]);
    while (tokens.length < verify.max_new_tokens) {
      const token = greatest(logits);
      if (token === tokenizer.eos_id) break;
      tokens.push(token);
      if (tokens.length < verify.max_new_tokens) logits = await decoder.read([[token]]);
    }
    return tokens;
  } finally {
    decoder.dispose();
  }
}

function logProbability(logits: Float32Array, token: number): number {
  const value = logits[token];
  if (value === undefined) {
    throw new ExperimentError(
      "verification_failed",
      `token ${token} is not among the model's ${logits.length}: another tokenizer made it`,
    );
  }
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
  return value - highest - Math.log(total);
}
