import type { Complaint } from "./schema.js";

interface Geometry {
  readonly d_model: number;
  readonly n_heads: number;
  readonly n_kv_heads: number | null;
  readonly mode: "standard" | "gqa" | "decoupled";
  readonly attn_dim: number | null;
  readonly sem_dim: number | null;
  readonly geo_dim: number | null;
  readonly rope_enabled: boolean;
  readonly rope_semantic: boolean;
  readonly decoupled_gate: boolean;
  readonly decoupled_gate_dynamic: boolean;
  readonly tie_qk: boolean;
  readonly null_attn: boolean;
  readonly local_window: number | null;
  readonly mem_block: number | null;
  readonly is_causal: boolean;
}

/** What does not fit together in an attention layer: widths that heads do not divide, fields of another mode. */
export function attentionComplaints(layer: Geometry): readonly Complaint[] {
  const complaints: Complaint[] = [];
  const fit = (path: string, expected: string, found: number | boolean | null): void => {
    complaints.push({ code: "does_not_fit", path: [path], expected, found: String(found) });
  };
  const { n_heads, n_kv_heads, mode, sem_dim, geo_dim, attn_dim, d_model, rope_enabled } = layer;
  const width = attn_dim ?? d_model;
  if (width % n_heads !== 0)
    fit(attn_dim === null ? "d_model" : "attn_dim", `a multiple of n_heads, which is ${n_heads}`, width);
  if (n_kv_heads !== null && n_heads % n_kv_heads !== 0)
    fit("n_kv_heads", `a divisor of n_heads, which is ${n_heads}`, n_kv_heads);
  if (mode === "decoupled") {
    for (const [key, value] of [
      ["sem_dim", sem_dim],
      ["geo_dim", geo_dim],
    ] as const) {
      if (value === null)
        complaints.push({
          code: "missing_key",
          path: [key],
          expected: "a whole number at least 1",
          found: "nothing",
          sentence: `decoupled attention needs the key "${key}"`,
        });
      else if (value % n_heads !== 0) fit(key, `a multiple of n_heads, which is ${n_heads}`, value);
    }
    const rotated = [
      ...(rope_enabled ? ([["geo_dim", geo_dim]] as const) : []),
      ...(rope_enabled && layer.rope_semantic ? ([["sem_dim", sem_dim]] as const) : []),
    ];
    for (const [key, value] of rotated)
      if (value !== null && value % n_heads === 0 && (value / n_heads) % 2 !== 0)
        fit(key, `an even width per head, since it is rotated: a multiple of ${2 * n_heads}`, value);
  } else {
    if (rope_enabled && width % n_heads === 0 && (width / n_heads) % 2 !== 0)
      fit(
        attn_dim === null ? "d_model" : "attn_dim",
        `an even width per head, since it is rotated: a multiple of ${2 * n_heads}`,
        width,
      );
    for (const key of ["sem_dim", "geo_dim"] as const)
      if (layer[key] !== null) fit(key, `nothing where mode is ${mode}`, layer[key]);
    for (const key of ["decoupled_gate", "decoupled_gate_dynamic", "rope_semantic", "tie_qk", "null_attn"] as const)
      if (layer[key]) fit(key, `false where mode is ${mode}`, true);
  }
  if (layer.mem_block !== null && layer.local_window === null)
    fit("mem_block", "nothing where there is no local_window", layer.mem_block);
  return complaints;
}
