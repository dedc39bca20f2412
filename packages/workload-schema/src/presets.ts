import type { WorkloadSpec } from "./workload-spec.js";

export type PresetName = "od1_small" | "od1_real" | "od1_stress";

/** The canonical OD1 workloads (docs/gpu/workload_schema_v1.md), frozen; `od1_stress` may not fit into a small GPU, on purpose. */
export const presets: Readonly<Record<PresetName, WorkloadSpec>> = /* @__PURE__ */ Object.freeze({
  od1_small: /* @__PURE__ */ preset("od1_small", 2048, 256, 128, 4),
  od1_real: /* @__PURE__ */ preset("od1_real", 8192, 576, 256, 16),
  od1_stress: /* @__PURE__ */ preset("od1_stress", 16384, 768, 256, 16),
});

function preset(name: string, ring_len: number, slot_dim: number, length: number, batch_size: number): WorkloadSpec {
  return Object.freeze({
    schema_version: "workload_schema_v1",
    ant_spec: Object.freeze({ ring_len, slot_dim, ptr_dtype: "fp64", precision: "fp32" }),
    colony_spec: Object.freeze({
      seq_len: length,
      synth_len: length,
      batch_size,
      ptr_update_every: 1,
      state_loop_samples: 0,
    }),
    name,
  });
}

/** The preset of a name, trimmed and in any case, in its short or its long form (`od1_small`, `od1_canon_small`). */
export function findPreset(name: string): WorkloadSpec | undefined {
  const short = name
    .trim()
    .toLowerCase()
    .replace(/^od1_canon_/, "od1_");
  return isPresetName(short) ? presets[short] : undefined;
}

function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}
