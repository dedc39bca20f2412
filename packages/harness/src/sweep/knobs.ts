import { DEFAULT_RING_OPTIONS } from "@vrx/ring-engine";
import { presets } from "@vrx/workload-schema";

/** Knobs of the spec, by the part they belong to. */
export const ANT_KNOBS = ["ring_len", "slot_dim", "ptr_dtype", "precision"] as const;
export const COLONY_KNOBS = ["seq_len", "synth_len", "batch_size", "ptr_update_every", "state_loop_samples"] as const;
export const SPEC_KNOBS = [...ANT_KNOBS, ...COLONY_KNOBS] as const;
export const TASK_KNOBS = ["keys", "pairs", "values", "train_samples", "eval_samples"] as const;

export const PRESET_NAMES: readonly string[] = Object.keys(presets);
/** What the base of a sweep is, in words. */
export const EXPECTED_BASE = `a preset (${PRESET_NAMES.join(", ")}) or knobs`;

/** Options of the ring that a runner can set for all configurations; the number of heads is a knob. */
export const RUNNER_OPTIONS = Object.keys(DEFAULT_RING_OPTIONS).filter((name) => name !== "expert_heads");
const OPTION_KNOBS = RUNNER_OPTIONS.filter((name) => name !== "num_classes");

/** Every knob a sweep can set. */
export const KNOWN_KNOBS: ReadonlySet<string> = new Set([
  ...SPEC_KNOBS,
  "heads",
  "threads",
  ...TASK_KNOBS.map((name) => `task.${name}`),
  ...OPTION_KNOBS.map((name) => `options.${name}`),
]);
