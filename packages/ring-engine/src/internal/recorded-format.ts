import type { PointerPrecision, RingConfig } from "../backend.js";

/** One rounding in each format, as a share of what is rounded. */
export const ONE_ROUNDING: Readonly<Record<PointerPrecision, number>> = { fp64: 2 ** -52, fp32: 2 ** -23 };

/** The coarser of the formats a run was recorded in. */
export function formatOf({ precision, ptr_dtype }: RingConfig): PointerPrecision {
  return precision === "fp64" && ptr_dtype === "fp64" ? "fp64" : "fp32";
}
