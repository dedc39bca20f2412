import { canonicalizeWorkloadSpec } from "./canonicalize-workload-spec.js";
import type { AntKnob, ColonyKnob } from "./knobs.js";
import { type WorkloadVariable, workloadVariables } from "./workload-env.js";
import type { SpecInteger, WorkloadSpec } from "./workload-spec.js";

/** One knob in which two workloads differ, with the environment variable that sets it. */
export type KnobDiff = {
  readonly a: SpecInteger | string;
  readonly b: SpecInteger | string;
  readonly env: WorkloadVariable;
} & (
  | { readonly section: "ant_spec"; readonly knob: AntKnob }
  | { readonly section: "colony_spec"; readonly knob: ColonyKnob }
);

/**
 * The knobs in which two workloads differ, in the order of the schema: empty exactly when their digests are the same.
 * Labels do not count. Throws a `WorkloadSchemaError` for anything that is no spec.
 */
export function diffWorkloads(a: WorkloadSpec<SpecInteger>, b: WorkloadSpec<SpecInteger>): readonly KnobDiff[] {
  const one = canonicalizeWorkloadSpec(a);
  const other = canonicalizeWorkloadSpec(b);
  const diffs: KnobDiff[] = [];
  for (const place of workloadVariables) {
    const [before, after] =
      place.section === "ant_spec"
        ? [one.ant_spec[place.knob], other.ant_spec[place.knob]]
        : [one.colony_spec[place.knob], other.colony_spec[place.knob]];
    if (before !== after) diffs.push({ ...place, a: before, b: after });
  }
  return diffs;
}
