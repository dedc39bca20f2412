/** A workload with plain numbers, as engines take it. */
export interface RunWorkload {
  readonly schema_version: "workload_schema_v1";
  readonly ant_spec: {
    readonly ring_len: number;
    readonly slot_dim: number;
    readonly ptr_dtype: "fp64" | "fp32" | "fp16" | "bf16";
    readonly precision: "fp64" | "fp32" | "fp16" | "bf16" | "amp";
  };
  readonly colony_spec: {
    readonly seq_len: number;
    readonly synth_len: number;
    readonly batch_size: number;
    readonly ptr_update_every: number;
    readonly state_loop_samples: number;
  };
}
