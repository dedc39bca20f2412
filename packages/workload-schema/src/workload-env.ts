import { brokenRule, isFlawless } from "./internal/check-spec.js";
import { describe } from "./internal/describe.js";
import { suggestionFor, withSuggestion } from "./internal/explain.js";
import { requireSpec } from "./internal/require-spec.js";
import { expectedAt, ruleAt, schemaIssue } from "./internal/schema-issue.js";
import type { Issue, Read } from "./issue.js";
import { type AntKnob, type ColonyKnob, type SectionName, schemaVersion } from "./knobs.js";
import type { SpecInteger, WorkloadSpec } from "./workload-spec.js";

export type WorkloadVariable =
  | "VRX_RING_LEN"
  | "VRX_SLOT_DIM"
  | "VRX_PTR_DTYPE"
  | "VRX_PRECISION"
  | "VRX_SEQ_LEN"
  | "VRX_SYNTH_LEN"
  | "VRX_BATCH_SIZE"
  | "VRX_PTR_UPDATE_EVERY"
  | "VRX_STATE_LOOP_SAMPLES";

export type KnobVariable =
  | { readonly section: "ant_spec"; readonly knob: AntKnob; readonly env: WorkloadVariable }
  | { readonly section: "colony_spec"; readonly knob: ColonyKnob; readonly env: WorkloadVariable };

/**
 * Which variable sets which knob (docs/gpu/workload_schema_v1.md). The first edition gives `seq_len`, which is
 * for accounting only, no variable: `VRX_SEQ_LEN` is ours, so that nothing is lost on the way through an environment.
 */
export const workloadVariables: readonly KnobVariable[] = [
  { section: "ant_spec", knob: "ring_len", env: "VRX_RING_LEN" },
  { section: "ant_spec", knob: "slot_dim", env: "VRX_SLOT_DIM" },
  { section: "ant_spec", knob: "ptr_dtype", env: "VRX_PTR_DTYPE" },
  { section: "ant_spec", knob: "precision", env: "VRX_PRECISION" },
  { section: "colony_spec", knob: "seq_len", env: "VRX_SEQ_LEN" },
  { section: "colony_spec", knob: "synth_len", env: "VRX_SYNTH_LEN" },
  { section: "colony_spec", knob: "batch_size", env: "VRX_BATCH_SIZE" },
  { section: "colony_spec", knob: "ptr_update_every", env: "VRX_PTR_UPDATE_EVERY" },
  { section: "colony_spec", knob: "state_loop_samples", env: "VRX_STATE_LOOP_SAMPLES" },
];

/** The variables that say the same as a spec; labels have none. Throws a `WorkloadSchemaError` for anything that is no spec. */
export function workloadToEnv(spec: WorkloadSpec<SpecInteger>): Readonly<Record<WorkloadVariable, string>> {
  const { ant_spec: ant, colony_spec: colony } = requireSpec(spec);
  return {
    VRX_RING_LEN: String(ant.ring_len),
    VRX_SLOT_DIM: String(ant.slot_dim),
    VRX_PTR_DTYPE: ant.ptr_dtype,
    VRX_PRECISION: ant.precision,
    VRX_SEQ_LEN: String(colony.seq_len),
    VRX_SYNTH_LEN: String(colony.synth_len),
    VRX_BATCH_SIZE: String(colony.batch_size),
    VRX_PTR_UPDATE_EVERY: String(colony.ptr_update_every),
    VRX_STATE_LOOP_SAMPLES: String(colony.state_loop_samples),
  };
}

/**
 * The spec that an environment describes, or every issue: the pointer of one names the variable. Integers are plain
 * decimals of at most 4300 digits, without sign, space or leading zero. Without `VRX_SEQ_LEN`, as in environments
 * made for the Python programs, `seq_len` is `VRX_SYNTH_LEN` (the seed: it "often matches"). Other variables are
 * not looked at.
 */
export function workloadFromEnv(env: Readonly<Record<string, string | undefined>>): Read<WorkloadSpec<SpecInteger>> {
  const issues: Issue[] = [];
  const sections: Record<SectionName, Record<string, unknown>> = { ant_spec: {}, colony_spec: {} };
  for (const { section, knob, env: variable } of workloadVariables) {
    const path = [section, knob];
    const text = env[variable] ?? (variable === "VRX_SEQ_LEN" ? env["VRX_SYNTH_LEN"] : undefined);
    const value = typeof ruleAt(path) === "number" && text !== undefined ? integerIn(text) : text;
    const code = brokenRule(ruleAt(path) ?? [], value);
    sections[section][knob] = value;
    // One issue is enough where VRX_SYNTH_LEN is wrong for both.
    if (code === null || (variable === "VRX_SEQ_LEN" && env[variable] === undefined)) continue;
    const found = text === undefined ? "no such variable" : describe(text);
    const expected = expectedAt({ code: "missing_key", path });
    const issue = schemaIssue({
      code: text === undefined ? "missing_variable" : "malformed_variable",
      path: [variable],
      expected,
      found,
    });
    issues.push(withSuggestion(issue, suggestionFor({ code, path, value })));
  }
  const spec = { schema_version: schemaVersion, ...sections };
  return isFlawless(spec, issues) ? { status: "ok", spec } : { status: "invalid", issues };
}

/** The integer of a plain decimal; any other text stays a text, which no integer knob takes. */
function integerIn(text: string): SpecInteger | string {
  if (!/^(0|[1-9]\d{0,4299})$/.test(text)) return text;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}
