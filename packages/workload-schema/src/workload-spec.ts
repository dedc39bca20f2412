/** A value of JSON as the reader keeps it: integers beyond 2^53-1 are `bigint`, and the python dialect adds NaN and the infinities. */
export type JsonValue =
  string | number | bigint | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** An integer of a spec: `number` when it is safe to compute with, `bigint` beyond 2^53-1. */
export type SpecInteger = number | bigint;

export type PtrDtype = "fp64" | "fp32" | "fp16" | "bf16";

export type Precision = "fp64" | "fp32" | "fp16" | "bf16" | "amp";

/** Labels for people, allowed at every level and never part of the id. */
export interface Labels {
  readonly name?: unknown;
  readonly notes?: unknown;
}

/** Shape and precision: what sets the memory footprint and the arithmetic (docs/gpu/workload_schema_v1.md). */
export interface AntSpec<I extends SpecInteger = number> extends Labels {
  /** Ring length in slots, at least 1. */
  readonly ring_len: I;
  /** Width of a slot, at least 1. */
  readonly slot_dim: I;
  /** Number format of the pointer. */
  readonly ptr_dtype: PtrDtype;
  /** Number format of the mathematics; `amp` is autocast, whose format depends on the device. */
  readonly precision: Precision;
}

/** Workload and cadence (docs/gpu/workload_schema_v1.md). */
export interface ColonySpec<I extends SpecInteger = number> extends Labels {
  /** Sequence length used for accounting (tokens per second), at least 1. */
  readonly seq_len: I;
  /** Length of the generated input, at least 1. */
  readonly synth_len: I;
  /** Samples in a batch, at least 1. */
  readonly batch_size: I;
  /** The pointer moves every so many time steps, at least 1. */
  readonly ptr_update_every: I;
  /** Samples of the additional state loop, 0 for none. */
  readonly state_loop_samples: I;
}

/** What is run: the schema `workload_schema_v1`. */
export interface WorkloadSpec<I extends SpecInteger = number> extends Labels {
  readonly schema_version: "workload_schema_v1";
  readonly ant_spec: AntSpec<I>;
  readonly colony_spec: ColonySpec<I>;
}
