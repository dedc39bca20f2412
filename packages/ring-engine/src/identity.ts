import { createHash } from "node:crypto";
import type { RingConfig } from "./backend.js";
import { RANDOM_GENERATOR } from "./random.js";

/** Everything that decides what a run computes, besides its seed and the engine. */
export interface RunIdentity {
  /** Canonical JSON: keys in order, no spaces. */
  readonly json: string;
  /** SHA-256 of it, 64 lower-case hexadecimal digits. */
  readonly digest: string;
}

/** Rises when the model or its initial values change, so that runs before and after are told apart. */
export const RING_MODEL_VERSION = 1;

/** The identity of a configuration: two runs with the same one, the same seed and the same engine compute the same. */
export function runIdentity(config: RingConfig, context_scale_init: number): RunIdentity {
  // Runs from before there was a choice were in place: their identity stays what it was.
  const { ring_history, ...others } = config;
  const history = ring_history === "inplace" ? {} : { ring_history };
  const facts = {
    ...others,
    ...history,
    context_scale_init,
    generator: RANDOM_GENERATOR,
    model_version: RING_MODEL_VERSION,
  };
  const ordered = Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1));
  const json = JSON.stringify(Object.fromEntries(ordered));
  return { json, digest: createHash("sha256").update(json).digest("hex") };
}
