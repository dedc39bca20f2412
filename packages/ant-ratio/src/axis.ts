import type { Interval } from "./wilson-interval.js";

/** Something items can be compared by. */
export interface Axis<T> {
  /** Names it in results; unique among the axes of a comparison. */
  readonly key: string;
  readonly better: "higher" | "lower";
  /** Null where the item has no value: it is then not compared, and never counts as 0. */
  readonly value: (item: T) => number | null;
  /** Where the true value may lie; absent or null where only the value is known. */
  readonly interval?: (item: T) => Interval | null;
}
