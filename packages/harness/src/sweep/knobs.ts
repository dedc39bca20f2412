import { DEFAULT_RING_OPTIONS } from "@vrx/ring-engine";

/** Knobs of the spec, by the part they belong to. */
export const ANT_KNOBS = ["ring_len", "slot_dim", "ptr_dtype", "precision"] as const;
export const COLONY_KNOBS = ["seq_len", "synth_len", "batch_size", "ptr_update_every", "state_loop_samples"] as const;
export const SPEC_KNOBS = [...ANT_KNOBS, ...COLONY_KNOBS] as const;
export const TASK_KNOBS = ["keys", "pairs", "values", "train_samples", "eval_samples"] as const;

const OPTION_KNOBS = Object.keys(DEFAULT_RING_OPTIONS).filter(
  (name) => name !== "expert_heads" && name !== "num_classes",
);

/** Every knob a sweep can set. */
export const KNOWN_KNOBS: ReadonlySet<string> = new Set([
  ...SPEC_KNOBS,
  "heads",
  "threads",
  ...TASK_KNOBS.map((name) => `task.${name}`),
  ...OPTION_KNOBS.map((name) => `options.${name}`),
]);
