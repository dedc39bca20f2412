import type { RingHistory } from "./backend.js";
import { RingEngineError } from "./errors.js";
import { nearest } from "./internal/nearest.js";
import { PRESCRIBED } from "./prescribed.js";

/**
 * Everything that changes what a workload computes and is not in its spec. Lengths count elements; `null`
 * derives the value from the spec.
 */
export interface RingOptions {
  /** Read-out heads; the slot a sample ends in chooses among them (`--heads`). */
  readonly expert_heads: number;
  readonly num_classes: number;
  /** Whether inputs go through the recurrent sensory stage, or straight into the ring. */
  readonly sensory_ring: boolean;
  /** Delay of the sensory stage in time steps; null: half the ring, at least 1. */
  readonly sensory_len: number | null;
  /** Width of the sensory stage; null: a third of the slot width, at least 8. */
  readonly sensory_dim: number | null;
  /** Whether a ring is kept for every time step, as automatic differentiation would; only the cuda engine can. */
  readonly ring_history: RingHistory;
  /** Slots read and written on each side of the pointer. */
  readonly window_radius: number;
  /** Divisor of the squared distance in the window's exponent. */
  readonly window_tau: number;
  /** Softness of the pointer's dead zone. */
  readonly deadzone_tau: number;
  /** Factor on what a step writes to the ring. */
  readonly update_scale: number;
  /** How much of what is read enters the cell, before the first step. */
  readonly context_scale_init: number;
  /** Directions the state-loop telemetry tells apart. */
  readonly state_loop_dim: number;
  readonly learning_rate: number;
  readonly adam_beta1: number;
  readonly adam_beta2: number;
  readonly adam_epsilon: number;
}

export type RingOptionIssueCode = "unknown_option" | "wrong_type" | "out_of_range";

export interface RingOptionIssue {
  readonly code: RingOptionIssueCode;
  readonly option: string;
  readonly message: string;
  readonly expected: string;
  readonly found: string;
  /** The option that was probably meant. */
  readonly suggestion?: string;
}

export type RingOptionsRead =
  | { readonly status: "ok"; readonly options: RingOptions }
  | { readonly status: "invalid"; readonly issues: readonly RingOptionIssue[] };

/** What the recorded workload runs with: its own constants, not the defaults of its settings file. */
export const DEFAULT_RING_OPTIONS: RingOptions = {
  expert_heads: 1,
  num_classes: 256,
  sensory_ring: true,
  sensory_len: null,
  sensory_dim: null,
  ring_history: PRESCRIBED.ring_history,
  window_radius: PRESCRIBED.window_radius,
  window_tau: PRESCRIBED.window_tau,
  deadzone_tau: PRESCRIBED.deadzone_tau,
  update_scale: PRESCRIBED.update_scale,
  context_scale_init: 0.2,
  state_loop_dim: PRESCRIBED.state_loop_dim,
  learning_rate: PRESCRIBED.learning_rate,
  adam_beta1: PRESCRIBED.adam_beta1,
  adam_beta2: PRESCRIBED.adam_beta2,
  adam_epsilon: PRESCRIBED.adam_epsilon,
};

/**
 * The options that decide what an engine allocates, computes and can execute. The others are numbers of the mathematics:
 * `supports`, `predictMemory` and `countFlops` give the same whatever they are.
 */
export const SIZE_OPTIONS = [
  "expert_heads",
  "num_classes",
  "sensory_ring",
  "sensory_len",
  "sensory_dim",
  "ring_history",
  "window_radius",
  "state_loop_dim",
] as const satisfies readonly (keyof RingOptions)[];

interface Rule {
  readonly expected: string;
  readonly type: "number" | "boolean" | "string";
  readonly accepts: (value: unknown) => boolean;
  readonly nullable?: true;
}

const LARGEST_COUNT = 2 ** 31 - 1;
const WIDEST_RADIUS = 64;
const MOST_HEADS = 65_536;
const MOST_DIRECTIONS = 4096;

const integer = (minimum: number, maximum: number): Rule => ({
  expected: `an integer from ${minimum} to ${maximum}`,
  type: "number",
  accepts: (value) => Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum,
});
const real = (expected: string, accepts: (value: number) => boolean): Rule => ({
  expected,
  type: "number",
  accepts: (value) => Number.isFinite(value) && accepts(Number(value)),
});
const derived = (rule: Rule): Rule => ({ ...rule, expected: `${rule.expected}, or null`, nullable: true });
const positive = real("a number above 0", (value) => value > 0);
const share = real("a number from 0 to below 1", (value) => value >= 0 && value < 1);

const RULES: Readonly<Record<keyof RingOptions, Rule>> = {
  expert_heads: integer(1, MOST_HEADS),
  num_classes: integer(1, LARGEST_COUNT),
  sensory_ring: { expected: "true or false", type: "boolean", accepts: () => true },
  sensory_len: derived(integer(1, LARGEST_COUNT)),
  sensory_dim: derived(integer(1, LARGEST_COUNT)),
  ring_history: {
    expected: '"inplace" or "materialized"',
    type: "string",
    accepts: (value) => value === "inplace" || value === "materialized",
  },
  window_radius: integer(0, WIDEST_RADIUS),
  window_tau: positive,
  deadzone_tau: positive,
  update_scale: real("a number from 0 on", (value) => value >= 0),
  context_scale_init: real("a number between 0 and 1", (value) => value > 0 && value < 1),
  state_loop_dim: integer(1, MOST_DIRECTIONS),
  learning_rate: real("a number from 0 on", (value) => value >= 0),
  adam_beta1: share,
  adam_beta2: share,
  adam_epsilon: positive,
};

function describe(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  if (typeof value === "string") return JSON.stringify(value).slice(0, 60);
  return Array.isArray(value) ? "a list" : `a value of type ${typeof value}`;
}

function isOption(name: string): name is keyof RingOptions {
  return Object.hasOwn(RULES, name);
}

function checkOption(name: string, value: unknown): RingOptionIssue | null {
  if (!isOption(name)) {
    const suggestion = nearest(name, Object.keys(RULES));
    return {
      code: "unknown_option",
      option: name,
      message: `no option ${JSON.stringify(name)}${suggestion === null ? "" : `; did you mean ${suggestion}?`}`,
      expected: "an option of the ring model",
      found: name,
      ...(suggestion === null ? {} : { suggestion }),
    };
  }
  const rule = RULES[name];
  if (value === undefined || (value === null && rule.nullable === true)) return null;
  const typed = typeof value === rule.type;
  if (typed && rule.accepts(value)) return null;
  const found = describe(value);
  const message = `${name}: expected ${rule.expected}, found ${found}`;
  return { code: typed ? "out_of_range" : "wrong_type", option: name, message, expected: rule.expected, found };
}

/**
 * Fills in what is left out and checks what is given; every problem is returned, none is thrown. Only `partial`
 * counts: no environment variable is read. Nothing is coerced: "2" is no number.
 */
export function resolveRingOptions(partial: Partial<RingOptions> = {}): RingOptionsRead {
  const issues: RingOptionIssue[] = [];
  const options: Record<string, unknown> = { ...DEFAULT_RING_OPTIONS };
  for (const name of Object.keys(partial)) {
    const value: unknown = partial[name as keyof RingOptions];
    const issue = checkOption(name, value);
    if (issue !== null) issues.push(issue);
    else if (value !== undefined) options[name] = value;
  }
  if (issues.length > 0) return { status: "invalid", issues };
  return { status: "ok", options: options as unknown as RingOptions };
}

/** The same, throwing `invalid_options` with all problems in `details.issues`. */
export function requireRingOptions(partial: Partial<RingOptions> = {}): RingOptions {
  const read = resolveRingOptions(partial);
  if (read.status === "ok") return read.options;
  throw new RingEngineError("invalid_options", read.issues.map(({ message }) => message).join("; "), {
    details: { issues: read.issues },
  });
}
