import { AntRatioError } from "./errors.js";

/** The largest share by which the trained ring tokens may miss the budget. */
export const BUDGET_TOLERANCE = 0.01;

export interface TokenBudgetInput {
  /** Ring tokens to train on. */
  readonly ring_tokens: number;
  readonly batch_size: number;
  readonly seq_len: number;
}

export interface TokenBudgetPlan {
  readonly steps: number;
  readonly tokens_per_step: number;
  /** steps x tokens_per_step: what is really trained. */
  readonly ring_tokens: number;
  readonly asked_ring_tokens: number;
  /** (ring_tokens - asked) / asked */
  readonly deviation: number;
}

function count(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new AntRatioError("invalid_argument", `${name}: expected a whole number of at least 1, found ${value}`);
}

/**
 * The steps that train a budget of ring tokens: budget / (batch_size x seq_len), rounded to the nearest whole step.
 * Throws `budget_not_met` where rounding misses the budget by more than 1 %: two configurations would then be compared
 * that have not seen the same amount of data.
 *
 * @example
 * planTokenBudget({ ring_tokens: 1_000_000, batch_size: 16, seq_len: 256 }).steps; // 244
 */
export function planTokenBudget(input: TokenBudgetInput): TokenBudgetPlan {
  const { ring_tokens: asked, batch_size, seq_len } = input;
  count("ring_tokens", asked);
  count("batch_size", batch_size);
  count("seq_len", seq_len);
  const tokens_per_step = batch_size * seq_len;
  const steps = Math.max(1, Math.round(asked / tokens_per_step));
  const ring_tokens = steps * tokens_per_step;
  const deviation = (ring_tokens - asked) / asked;
  if (Math.abs(deviation) > BUDGET_TOLERANCE) {
    const percent = (deviation * 100).toFixed(2);
    const near = Math.max(1, Math.round(asked / tokens_per_step)) * tokens_per_step;
    throw new AntRatioError(
      "budget_not_met",
      `${steps} steps of ${batch_size} x ${seq_len} ring tokens are ${ring_tokens}, ${percent} % off the budget of ${asked}: ` +
        `a budget of ${near}, or a smaller batch_size or seq_len, is met`,
      { details: { steps, tokens_per_step, ring_tokens, asked_ring_tokens: asked, deviation } },
    );
  }
  return { steps, tokens_per_step, ring_tokens, asked_ring_tokens: asked, deviation };
}

/** What a packet records of a budget; the limits are those of the reference's command. */
export interface PacketBudget {
  readonly token_budget: number;
  readonly min_steps: number;
  readonly max_steps: number;
}

/** floor(budget / tokens per step), held between the limits: the locked rule of v0 for `token_budget_steps`. */
export function recordedBudgetSteps(budget: PacketBudget, tokens_per_step: number): number {
  const steps = Math.floor(budget.token_budget / tokens_per_step);
  return Math.min(budget.max_steps, Math.max(budget.min_steps, steps));
}
