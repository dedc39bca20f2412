/** One figure of a benchmark. Ratios are taken within one run: machines differ, and so do their moods. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The figure of a peer or of another way, measured in the same run, in the same unit. */
  readonly baseline?: { readonly name: string; readonly value: number };
  /** What the comparison says: `value` over `baseline.value`, or another ratio that `ratio_of` names. */
  readonly ratio?: number;
  readonly ratio_of?: string;
  /** What was aimed at, in the row's unit. */
  readonly aim?: number;
  /** The worst that is acceptable (the most, where less is better), in the row's unit. */
  readonly floor?: number;
}
