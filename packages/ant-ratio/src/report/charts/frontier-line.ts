/** A place on a chart. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** Which way is better on each axis of a chart. */
export interface ChartDirections {
  readonly x: "higher" | "lower";
  readonly y: "higher" | "lower";
}

/**
 * The line between what the frontier's points reach and what they do not: a staircase, since a point between two of
 * them was never measured. Corners lie on the dominated side.
 */
export function frontierLine(frontier: readonly Place[], better: ChartDirections): readonly Place[] {
  const sorted = [...frontier].sort((a, b) => a.x - b.x || a.y - b.y);
  const worse = (a: number, b: number, direction: "higher" | "lower"): number =>
    direction === "higher" ? Math.min(a, b) : Math.max(a, b);
  return sorted.flatMap((place, i) => {
    const last = sorted[i - 1];
    if (last === undefined) return [place];
    return [{ x: worse(last.x, place.x, better.x), y: worse(last.y, place.y, better.y) }, place];
  });
}
