import type { JsonObject } from "@vrx/objective-contract";
import type { WorkloadSpec } from "@vrx/workload-schema";
import type { CapacityCombo, CapacityModel } from "./capacity-model.js";
import { comboKey } from "./combo-key.js";
import { vramLine } from "./predict-vram.js";

/** The device a batch is estimated for. */
export interface EstimateFor {
  readonly total_vram_bytes: number;
  /** Null where nobody knows it; then the memory alone says whether it is the calibrated device. */
  readonly gpu_name: string | null;
  /** Estimate for another device than the calibrated one; the estimate then carries warnings. */
  readonly allowMismatch?: boolean;
}

export type BatchEstimate =
  | {
      readonly status: "ok";
      /**
       * `fitted`: from the slope; `measured`: the largest batch that passed, where one batch size alone was measured;
       * `predicted`: from the sizes, without any measurement.
       */
      readonly basis: "fitted" | "measured" | "predicted";
      /** The batch to start with; null where not even one sample stays within the safe share. */
      readonly safe_start: number | null;
      /** The largest batch within the guard, and below the smallest one known to fail on this very device. */
      readonly max: number;
      readonly warnings: readonly string[];
    }
  | { readonly status: "none_fits"; readonly reason: string; readonly warnings: readonly string[] }
  | {
      readonly status: "refused";
      readonly code: "unknown_combo" | "unsupported_track" | "gpu_mismatch" | "cannot_scale" | "not_measured";
      readonly reason: string;
    };

/**
 * The share of a memory in whole bytes, rounded down. Ratios count to six decimals, in integers, so that a share that is
 * whole by arithmetic is not one byte less by floating point: 0.29 of 100 is 29.
 */
export function shareOf(total_bytes: number, ratio: number): number {
  return Number((BigInt(total_bytes) * BigInt(Math.round(ratio * 1e6))) / 1_000_000n);
}

/**
 * The batch to start a search with and the largest one that should fit, for the combination `combo` (see `comboSpec`).
 * The memory a batch takes is overhead + base + batch x slope; a batch that takes exactly the share fits.
 */
export function estimateBatch(model: CapacityModel, combo: JsonObject, device: EstimateFor): BatchEstimate {
  const key = comboKey(combo);
  const known = model.combos.find(({ combo_key }) => combo_key === key);
  if (known === undefined) {
    const names = model.combos.map(({ combo_name, combo_key }) => `${combo_name} (${combo_key})`).join(", ");
    return refused("unknown_combo", `${key} is not in the model, which has ${names === "" ? "none" : names}`);
  }
  if (model.track.out_dim !== 1) {
    return refused("unsupported_track", `the model is for ${model.track.out_dim} expert heads; 1 can be estimated`);
  }
  const mismatch = mismatches(model, device);
  if (mismatch.length > 0 && device.allowMismatch !== true) {
    return refused(
      "gpu_mismatch",
      `calibration/runtime mismatch: ${mismatch.join("; ")}: calibrate on this device, or allow the mismatch`,
    );
  }
  return fitted(model, known, device, mismatch) ?? measured(known, mismatch);
}

function fitted(
  model: CapacityModel,
  combo: CapacityCombo,
  { total_vram_bytes }: EstimateFor,
  warnings: readonly string[],
): BatchEstimate | null {
  const { base_alloc_bytes: base, per_batch_alloc_bytes: slope, boundary_fail_batch } = combo;
  if (base === null || slope === null) return null;
  const known_limit = warnings.length === 0 && boundary_fail_batch !== null ? boundary_fail_batch - 1 : Infinity;
  const line = { base, slope, overhead: model.overhead_bytes };
  return alongLine(line, total_vram_bytes, model, { basis: "fitted", known_limit, warnings });
}

/**
 * The same from the sizes alone, where nothing was measured on the device: by `predictVram`, which is right for a
 * program that keeps a tape. A search confirms it.
 */
export function estimateBatchBySizes(
  spec: WorkloadSpec,
  heads: number,
  total_vram_bytes: number,
  ratios: { readonly guard_ratio?: number; readonly safe_start_ratio?: number } = {},
): BatchEstimate {
  const { guard_ratio = 0.92, safe_start_ratio = 0.85 } = ratios;
  const how = { basis: "predicted", known_limit: Infinity, warnings: [] } as const;
  return alongLine(vramLine(spec, heads), total_vram_bytes, { guard_ratio, safe_start_ratio }, how);
}

/** The shares of memory that `model` names, along a line over the batch. */
function alongLine(
  { base, slope, overhead }: { readonly base: number; readonly slope: number; readonly overhead: number },
  total_vram_bytes: number,
  { guard_ratio, safe_start_ratio }: Pick<CapacityModel, "guard_ratio" | "safe_start_ratio">,
  {
    basis,
    known_limit,
    warnings,
  }: {
    readonly basis: "fitted" | "predicted";
    readonly known_limit: number;
    readonly warnings: readonly string[];
  },
): BatchEstimate {
  const fits = (ratio: number): number => Math.floor((shareOf(total_vram_bytes, ratio) - overhead - base) / slope);
  const max = Math.min(fits(guard_ratio), known_limit);
  if (max < 1) {
    const needed = Math.ceil(overhead + base + slope);
    const share = shareOf(total_vram_bytes, guard_ratio);
    const reason = `one sample takes about ${needed} bytes, and ${guard_ratio} of the memory are ${share}`;
    return { status: "none_fits", reason, warnings };
  }
  const safe = Math.min(fits(safe_start_ratio), max);
  return { status: "ok", basis, safe_start: safe < 1 ? null : safe, max, warnings };
}

/** The share of memory that each batch is expected to reserve by a capacity model; undefined where it has no slope. */
export function capacityShare(
  model: CapacityModel,
  combo: JsonObject,
  total_vram_bytes: number,
): ((batch: number) => number) | undefined {
  const key = comboKey(combo);
  const known = model.combos.find(({ combo_key }) => combo_key === key);
  const { base_alloc_bytes: base = null, per_batch_alloc_bytes: slope = null } = known ?? {};
  if (base === null || slope === null) return undefined;
  return (batch) => (model.overhead_bytes + base + slope * batch) / total_vram_bytes;
}

/** One measured batch size says nothing of another device, nor of how memory grows. */
function measured(combo: CapacityCombo, warnings: readonly string[]): BatchEstimate {
  const { measured_max_batch: max } = combo;
  if (max === null) return refused("not_measured", `no batch of ${combo.combo_name} passed on the calibrated device`);
  if (warnings.length > 0) {
    const reason = `${combo.combo_name} was measured with one batch size, which cannot be carried over: ${warnings.join("; ")}`;
    return refused("cannot_scale", reason);
  }
  return { status: "ok", basis: "measured", safe_start: max, max, warnings };
}

function mismatches({ calibrated_on }: CapacityModel, { total_vram_bytes, gpu_name }: EstimateFor): string[] {
  const name = (text: string): string => text.trim().toLowerCase();
  const found: string[] = [];
  if (calibrated_on.total_vram_bytes !== total_vram_bytes) {
    found.push(`calibrated with ${calibrated_on.total_vram_bytes} bytes of memory, here are ${total_vram_bytes}`);
  }
  if (calibrated_on.gpu_name !== null && gpu_name !== null && name(calibrated_on.gpu_name) !== name(gpu_name)) {
    found.push(`calibrated on ${calibrated_on.gpu_name}, this is ${gpu_name}`);
  }
  return found;
}

function refused(
  code: Extract<BatchEstimate, { status: "refused" }>["code"],
  reason: string,
): Extract<BatchEstimate, { status: "refused" }> {
  return { status: "refused", code, reason };
}
