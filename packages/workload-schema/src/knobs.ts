import type { Precision, PtrDtype } from "./workload-spec.js";

export type SectionName = "ant_spec" | "colony_spec";

export type AntKnob = "ring_len" | "slot_dim" | "ptr_dtype" | "precision";

export type ColonyKnob = "seq_len" | "synth_len" | "batch_size" | "ptr_update_every" | "state_loop_samples";

/** What a knob takes: an integer from a minimum on, or one of some words. */
export type KnobRule = number | readonly string[];

export const schemaVersion = "workload_schema_v1";

/** The words `ptr_dtype` takes (docs/gpu/workload_schema_v1.md). */
export const ptrDtypes: readonly PtrDtype[] = ["fp64", "fp32", "fp16", "bf16"];

/** The words `precision` takes (docs/gpu/workload_schema_v1.md). */
export const precisions: readonly Precision[] = ["fp64", "fp32", "fp16", "bf16", "amp"];

/** Every knob with its rule, in the order of the schema's page: a number is the minimum of an integer. */
export const knobRules: {
  readonly ant_spec: Readonly<Record<AntKnob, KnobRule>>;
  readonly colony_spec: Readonly<Record<ColonyKnob, KnobRule>>;
} = {
  ant_spec: { ring_len: 1, slot_dim: 1, ptr_dtype: ptrDtypes, precision: precisions },
  colony_spec: { seq_len: 1, synth_len: 1, batch_size: 1, ptr_update_every: 1, state_loop_samples: 0 },
};

const topKeys = keysBeside({ schema_version: 0, ...knobRules });
const antKeys = keysBeside(knobRules.ant_spec);
const colonyKeys = keysBeside(knobRules.colony_spec);

/** The keys that a section may have, or the spec itself where no section is named. */
export function allowedKeys(section: unknown): readonly string[] {
  return section === "ant_spec" ? antKeys : section === "colony_spec" ? colonyKeys : topKeys;
}

function keysBeside(rules: object): readonly string[] {
  return [...Object.keys(rules), "name", "notes"];
}
