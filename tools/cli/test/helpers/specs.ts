import { presets } from "@vrx/workload-schema";

/** The text of `od1_small`, with other values where asked. */
export function specText(changes: { ant?: object; colony?: object; top?: object } = {}): string {
  const { ant_spec, colony_spec, ...top } = presets.od1_small;
  return JSON.stringify(
    {
      ...top,
      ...changes.top,
      ant_spec: { ...ant_spec, ...changes.ant },
      colony_spec: { ...colony_spec, ...changes.colony },
    },
    null,
    2,
  );
}

export const smallId = "wl_v1_37d4c849bed8";
export const realId = "wl_v1_a87a40941a4c";
