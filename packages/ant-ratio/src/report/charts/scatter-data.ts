import type { ReportAxis, ReportFigure, ReportModel, ReportPoint } from "../report-model.js";
import { type Place, frontierLine } from "./frontier-line.js";
import { paretoFrontier } from "../../pareto-frontier.js";
import { tierOrder } from "./theme.js";

/** What a point counts as: a failed one is never rankable. */
export type Standing = "rankable" | "PASS, not rankable" | "FAIL";

/** A point with a value on both axes. Intervals are null where there is none. */
export interface ScatterRow extends Place {
  readonly id: number;
  readonly name: string;
  readonly tier: string;
  readonly heads: number | null;
  readonly standing: Standing;
  readonly on_frontier: boolean;
  readonly x_low: number | null;
  readonly x_high: number | null;
  readonly y_low: number | null;
  readonly y_high: number | null;
}

/** Why a point is not on the frontier: a point that is at least as good on both axes, and better on these. */
export interface Domination {
  readonly by: number;
  readonly better_on: readonly ReportAxis[];
}

/** A point that a chart cannot show, with the reason for each axis on which it has no value. */
export interface Missing {
  readonly id: number;
  readonly name: string;
  readonly reasons: readonly string[];
}

/** What a scatter chart shows. */
export interface ScatterData {
  readonly axes: { readonly x: ReportAxis; readonly y: ReportAxis };
  /** Of all points of the report, so that a tier has one colour in every chart. */
  readonly tiers: readonly string[];
  /** The least important first: a later one is drawn over it. */
  readonly rows: readonly ScatterRow[];
  readonly line: readonly Place[];
  readonly dominated: ReadonlyMap<number, Domination>;
  readonly missing: readonly Missing[];
}

/**
 * The points of a report over two of its axes. With `frontier`, the line runs over the rankable points that no other
 * rankable one dominates, and every other point is told which of them dominates it. A point without a value on
 * both axes is in `missing`. Throws a `RangeError` for an axis the report does not have.
 */
export function scatterData(
  model: ReportModel,
  { x: x_key, y: y_key, frontier }: { readonly x: string; readonly y: string; readonly frontier: boolean },
): ScatterData {
  const x = axisOf(model, x_key);
  const y = axisOf(model, y_key);
  const shown: Shown[] = [];
  const missing: Missing[] = [];
  for (const point of model.points) {
    const figure_x = point.figures[x.key];
    const figure_y = point.figures[y.key];
    if (hasValue(figure_x) && hasValue(figure_y)) shown.push({ point, x: figure_x, y: figure_y });
    else missing.push({ id: point.id, name: point.name, reasons: [...whyNot(x, figure_x), ...whyNot(y, figure_y)] });
  }
  const rankable = frontier ? shown.filter(({ point }) => point.rankable) : [];
  const best = paretoFrontier(rankable, [
    { key: "x", better: x.better, value: (one) => one.x.value },
    { key: "y", better: y.better, value: (one) => one.y.value },
  ]).frontier;
  const on_frontier = new Set(best.map(({ point }) => point.id));
  const rows = shown.map((one) => rowOf(one, on_frontier.has(one.point.id)));
  rows.sort((a, b) => importance(a) - importance(b) || a.id - b.id);
  const dominated = new Map<number, Domination>();
  for (const one of shown) {
    const domination = on_frontier.has(one.point.id) ? undefined : dominationOf(one, best, { x, y });
    if (domination !== undefined) dominated.set(one.point.id, domination);
  }
  const places = best.map((one) => ({ x: one.x.value, y: one.y.value }));
  return {
    axes: { x, y },
    tiers: tierOrder(model.points.map(({ tier }) => tier)),
    rows,
    line: frontierLine(places, { x: x.better, y: y.better }),
    dominated,
    missing,
  };
}

/** The point's standing, by its verdict and the rankable rule. */
export function standingOf({ verdict, rankable }: ReportPoint): Standing {
  if (verdict === "fail") return "FAIL";
  return rankable ? "rankable" : "PASS, not rankable";
}

type Value = Extract<ReportFigure, { readonly value: number }>;

interface Shown {
  readonly point: ReportPoint;
  readonly x: Value;
  readonly y: Value;
}

interface Axes {
  readonly x: ReportAxis;
  readonly y: ReportAxis;
}

function axisOf({ axes }: ReportModel, key: string): ReportAxis {
  const axis = axes.find((one) => one.key === key);
  if (axis === undefined) {
    throw new RangeError(`expected one of the axes ${axes.map((one) => one.key).join(", ")}, found ${key}`);
  }
  return axis;
}

function hasValue(figure: ReportFigure | undefined): figure is Value {
  return figure !== undefined && figure.value !== null;
}

function whyNot({ label }: ReportAxis, figure: ReportFigure | undefined): readonly string[] {
  if (hasValue(figure)) return [];
  return [`${label}: ${figure?.why ?? "the packet does not state it"}`];
}

function rowOf({ point, x, y }: Shown, on_frontier: boolean): ScatterRow {
  return {
    id: point.id,
    name: point.name,
    tier: point.tier,
    heads: point.heads,
    standing: standingOf(point),
    on_frontier,
    x: x.value,
    y: y.value,
    x_low: x.interval?.low ?? null,
    x_high: x.interval?.high ?? null,
    y_low: y.interval?.low ?? null,
    y_high: y.interval?.high ?? null,
  };
}

function importance({ on_frontier, standing }: ScatterRow): number {
  if (on_frontier) return 3;
  return { FAIL: 0, "PASS, not rankable": 1, rankable: 2 }[standing];
}

/** How much better `a` is than `b`: above 0 better, 0 the same. */
function lead(a: number, b: number, { better }: ReportAxis): number {
  return better === "higher" ? a - b : b - a;
}

/** The point of the frontier that leads by the most axes over `one`; undefined where none dominates it. */
function dominationOf(one: Shown, best: readonly Shown[], { x, y }: Axes): Domination | undefined {
  let found: Domination | undefined;
  for (const other of best) {
    const ahead = { x: lead(other.x.value, one.x.value, x), y: lead(other.y.value, one.y.value, y) };
    if (ahead.x < 0 || ahead.y < 0 || (ahead.x === 0 && ahead.y === 0)) continue;
    const better_on = [...(ahead.x > 0 ? [x] : []), ...(ahead.y > 0 ? [y] : [])];
    if (found === undefined || better_on.length > found.better_on.length) found = { by: other.point.id, better_on };
    if (better_on.length === 2) break;
  }
  return found;
}
