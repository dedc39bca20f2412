import type { LoweredRun } from "@vrx/manifest";

/** Whether a figure is what the manifest expects. */
export interface ExpectationResult {
  readonly key: string;
  readonly expected: unknown;
  readonly found: string | number | boolean | null;
  readonly met: boolean;
}

/** Holds what a run came to against its `expected`: values exactly, ranges by their ends. What is not there is not met. */
export function checkExpected(
  expected: LoweredRun["expected"],
  found: Readonly<Record<string, string | number | boolean>>,
): ExpectationResult[] {
  return Object.entries(expected).map(([key, wanted]) => {
    const value = found[key] ?? null;
    if (typeof wanted !== "object") return { key, expected: wanted, found: value, met: value === wanted };
    const inside = typeof value === "number" && value >= (wanted.min ?? -Infinity) && value <= (wanted.max ?? Infinity);
    return { key, expected: wanted, found: value, met: inside };
  });
}
