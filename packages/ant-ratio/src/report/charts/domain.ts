/** The part of an axis that a chart shows. */
export interface Domain {
  readonly scale: "linear" | "log";
  readonly low: number;
  readonly high: number;
}

// Points on the rim of a chart are cut in half and their labels collide with the axis.
const margin_share = 0.06;

// Below this ratio a logarithmic axis has too few ticks to read values from.
const least_log_ratio = 30;

/** Whether a logarithmic axis shows `values` better, and can show them at all. */
export function suitsLog(values: readonly number[]): boolean {
  const { low, high } = extent(values);
  return low > 0 && high / low >= least_log_ratio;
}

/**
 * The domain that shows all `values` with some room around them, also when they are all the same or there are none.
 * `within` are the limits that no value can pass, such as 0 and 1 of a share; `log` looks only at what is above 0, and is not followed where nothing is.
 */
export function domainOf(
  values: readonly number[],
  {
    log = false,
    within = {},
  }: { readonly log?: boolean; readonly within?: { readonly min?: number; readonly max?: number } } = {},
): Domain {
  if (values.length === 0) return { scale: "linear", low: within.min ?? 0, high: within.max ?? 1 };
  const { low, high } = extent(log && values.some((value) => value > 0) ? values.filter((value) => value > 0) : values);
  if (log && low > 0) {
    const room = low === high ? 2 : (high / low) ** margin_share;
    return { scale: "log", low: low / room, high: Math.min(high * room, Number.MAX_VALUE) };
  }
  const room = low === high ? Math.abs(low) * 0.1 || 1 : high * margin_share - low * margin_share;
  // A limit gets half the room, so that a point at 100 % is a whole point.
  const floor = within.min === undefined ? Number.NEGATIVE_INFINITY : within.min - room / 2;
  const ceiling = within.max === undefined ? Number.POSITIVE_INFINITY : within.max + room / 2;
  return {
    scale: "linear",
    low: Math.max(low - room, floor, -Number.MAX_VALUE),
    high: Math.min(high + room, ceiling, Number.MAX_VALUE),
  };
}

/** The smallest and the largest of `values`; infinities where there are none. */
export function extent(values: readonly number[]): { readonly low: number; readonly high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { low, high };
}
