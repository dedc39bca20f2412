import { type WorkloadSpec, presets } from "@vrx/workload-schema";

const NAMED = { smallxreal: "C1", realxreal: "C2", stressxreal: "C3", realxsmall: "C4" } as const;

/** The presets that a spec's sections are, whatever its batch, precision and files: paths differ from system to system. */
export function sectionPresets(spec: WorkloadSpec | undefined): {
  readonly ant: string | null;
  readonly colony: string | null;
} {
  const entries = Object.entries(presets);
  const ant = entries.find(
    ([, { ant_spec }]) => ant_spec.ring_len === spec?.ant_spec.ring_len && ant_spec.slot_dim === spec.ant_spec.slot_dim,
  )?.[0];
  const colony = entries.find(
    ([, { colony_spec }]) =>
      colony_spec.synth_len === spec?.colony_spec.synth_len && colony_spec.seq_len === spec.colony_spec.seq_len,
  )?.[0];
  return { ant: ant ?? null, colony: colony ?? null };
}

/** What a capacity model calls a combination: `C2_realxreal`, or `customxsmall` where it has no number. */
export function comboName(spec: WorkloadSpec | undefined): string {
  const { ant, colony } = sectionPresets(spec);
  const word = (preset: string | null): string => preset?.replace(/^od1_/, "") ?? "custom";
  const pair = `${word(ant)}x${word(colony)}`;
  const number = Object.entries(NAMED).find(([name]) => name === pair)?.[1];
  return number === undefined ? pair : `${number}_${pair}`;
}
