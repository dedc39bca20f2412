import type { JsonObject } from "@vrx/objective-contract";

/** The schema of a capacity model's file. */
export const CAPACITY_MODEL_SCHEMA = "capacity_model_v1";

/** One passing run a combination was fitted to. */
export interface FitPoint {
  readonly batch: number;
  /** Peak bytes in tensors, and peak bytes the allocator held for them. */
  readonly alloc: number;
  readonly reserved: number;
  readonly run_dir: string;
}

/** One ant with one colony: how its memory grows with the batch. */
export interface CapacityCombo {
  readonly combo_name: string;
  /** `combo_v1_` and 12 digits; see `comboKey`. */
  readonly combo_key: string;
  readonly combo_spec_no_batch: JsonObject;
  readonly ant_path: string | null;
  readonly colony_path: string | null;
  /** Both null where only one batch size was measured. */
  readonly base_alloc_bytes: number | null;
  readonly per_batch_alloc_bytes: number | null;
  readonly measured_max_batch: number | null;
  /** The smallest batch above `measured_max_batch` that did not pass. */
  readonly boundary_fail_batch: number | null;
  readonly boundary_fail_reasons: readonly string[] | null;
  readonly fit_points: readonly FitPoint[];
  readonly pass_runs: readonly FitPoint[];
}

/**
 * `capacity_model_v1.json`: how much GPU memory each combination of ant and colony takes per sample of the batch, on the
 * device it was calibrated on.
 */
export interface CapacityModel {
  readonly schema_version: typeof CAPACITY_MODEL_SCHEMA;
  readonly guard_basis: "reserved";
  /** The largest share of the memory a batch may take, and the share to start with. */
  readonly guard_ratio: number;
  readonly safe_start_ratio: number;
  readonly track: { readonly out_dim: number; readonly precision: string; readonly amp: number };
  readonly calibrated_on: {
    readonly gpu_name: string | null;
    readonly total_vram_bytes: number;
    readonly driver_version: string | null;
    readonly torch_version: string | null;
    readonly os: string | null;
  };
  /** What the allocator holds beyond the tensors: the median of reserved - alloc. */
  readonly overhead_bytes: number;
  readonly measure_steps: number;
  readonly runs_root: string;
  readonly notes: readonly string[];
  readonly combos: readonly CapacityCombo[];
}
