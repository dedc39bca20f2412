import { type Spec, View, parse } from "vega";
import { expressionInterpreter } from "vega-interpreter";

/** A point of a chart as events and the keyboard find it. */
export interface ChartPoint {
  readonly id: number;
  readonly x: number;
  readonly y: number;
}

/** What a chart is drawn from, and what it tells. */
export interface ChartInput {
  readonly host: HTMLElement;
  readonly spec: Spec;
  /** In the order in which arrow keys visit them. */
  readonly points: readonly ChartPoint[];
  /** A point is looked at (null: none any more), at this place of the host in pixels. */
  readonly onPoint: (id: number | null, place: { readonly left: number; readonly top: number }) => void;
  readonly onSelect: (id: number) => void;
}

/** A drawn chart. */
export interface Chart {
  select(id: number | null): void;
  /** Takes the chart and its listeners away. */
  remove(): void;
}

/** Draws a chart into its host as SVG, as wide as the host and following its width. Uses no eval. */
export function drawChart({ host, spec, points, onPoint, onSelect }: ChartInput): Chart {
  const drawing = document.createElement("div");
  host.prepend(drawing);
  const view = new View(parse(spec, undefined, { ast: true }), {
    renderer: "svg",
    container: drawing,
    hover: false,
    expr: expressionInterpreter,
    tooltip: () => undefined,
  });
  view.width(host.clientWidth).run();
  // Vega makes its picture focusable on its own; the host is what the keyboard stops at.
  drawing.querySelectorAll("[tabindex]").forEach((one) => one.removeAttribute("tabindex"));

  let at = -1;
  const listening = new AbortController();
  const point = (id: number | null, place = { left: 0, top: 0 }): void => {
    view.signal("pointed", id ?? -1).run();
    onPoint(id, place);
  };
  const placeOf = ({ x, y }: ChartPoint): { left: number; top: number } => {
    const [left, top] = view.origin();
    const [toLeft, toTop] = [view.scale("x"), view.scale("y")] as [
      (value: number) => number,
      (value: number) => number,
    ];
    return { left: left + toLeft(x), top: top + toTop(y) };
  };
  const visit = (index: number): void => {
    const next = points[index];
    if (next === undefined) return;
    at = index;
    point(next.id, placeOf(next));
  };

  let pointed: number | null = null;
  view.addEventListener("pointermove", (_event, item) => {
    const id = idOf(item);
    if (id === pointed) return;
    pointed = id;
    const found = points.find((one) => one.id === id);
    if (found === undefined) point(null);
    else point(found.id, placeOf(found));
  });
  view.addEventListener("click", (_event, item) => {
    const id = idOf(item);
    if (id !== null) onSelect(id);
  });
  const on = <K extends keyof HTMLElementEventMap>(type: K, listen: (event: HTMLElementEventMap[K]) => void): void =>
    host.addEventListener(type, listen, { signal: listening.signal });
  on("pointerleave", () => {
    pointed = null;
    point(null);
  });
  on("blur", () => point(null));
  on("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step !== undefined) visit((at + step + points.length) % points.length);
    else if (event.key === "Home") visit(0);
    else if (event.key === "End") visit(points.length - 1);
    else if (event.key === "Escape") point(null);
    else if (event.key === "Enter" || event.key === " ") {
      const here = points[at];
      if (here !== undefined) onSelect(here.id);
    } else return;
    event.preventDefault();
  });

  const resizing = new ResizeObserver(() => {
    if (host.clientWidth > 0 && host.clientWidth !== view.width()) view.width(host.clientWidth).run();
  });
  resizing.observe(host);

  return {
    select(id) {
      view.signal("selected", id ?? -1).run();
      if (id !== null) at = points.findIndex((one) => one.id === id);
    },
    remove() {
      listening.abort();
      resizing.disconnect();
      view.finalize();
      drawing.remove();
    },
  };
}

function idOf(item: unknown): number | null {
  if (typeof item !== "object" || item === null || !("datum" in item)) return null;
  const { datum } = item;
  if (typeof datum !== "object" || datum === null || !("id" in datum)) return null;
  return typeof datum.id === "number" ? datum.id : null;
}
