import { NO_FIGURE, formatFigure } from "../format-figure.js";
import type { ReportAxis, ReportModel, ReportPoint } from "../report-model.js";
import { standingOf } from "../charts/scatter-data.js";
import { bdi, element } from "./dom.js";

/** A column: what it is called, what it shows, and what it sorts by. Missing figures sort last either way. */
interface Column {
  readonly key: string;
  readonly title: string;
  readonly unit: string | null;
  readonly word: boolean;
  readonly cell: (point: ReportPoint) => Node | string;
  readonly order: (point: ReportPoint) => number | string | null;
  /** Which way a first click sorts. */
  readonly first: "ascending" | "descending";
}

/** What the table shows of the chart. */
export interface ChartColumns {
  readonly frontier: ReadonlySet<number>;
  /** The best and the worst place the data leave open to a rankable point, from 1. */
  readonly places: ReadonlyMap<number, { readonly best: number; readonly worst: number }>;
}

/** The table of all points. */
export interface TableView {
  readonly host: HTMLElement;
  select(id: number | null): void;
  /** Fills the columns that depend on the chart: who is on its frontier, and the places on its vertical axis. */
  showChart(chart: ChartColumns): void;
  /** Shows only points whose names, verdicts or reasons contain every word. Returns how many are left. */
  filter(text: string): number;
}

/** Builds the table: headers sort, arrow keys move between rows, Enter selects. */
export function tableView(
  model: ReportModel,
  { colourOf, onSelect }: { readonly colourOf: (tier: string) => string; readonly onSelect: (id: number) => void },
): TableView {
  let chart: ChartColumns = { frontier: new Set(), places: new Map() };
  let sorted: { readonly key: string; readonly direction: "ascending" | "descending" } | null = null;
  let selected: number | null = null;
  const columns = columnsOf(model, () => chart, colourOf);
  const body = element("tbody");
  const rows = new Map(model.points.map((point) => [point.id, rowOf(point, columns)]));
  const shown = new Set(rows.keys());
  const headers = columns.map((column) => {
    const button = element(
      "button",
      { type: "button" },
      column.title,
      column.unit === null ? null : element("span", { class: "unit" }, column.unit),
    );
    button.addEventListener("click", () => sortBy(column));
    return element("th", { scope: "col", "aria-sort": "none", ...(column.word ? { class: "word" } : {}) }, button);
  });
  const table = element(
    "table",
    { "aria-label": "All points" },
    element("thead", {}, element("tr", {}, ...headers)),
    body,
  );
  const host = element("div", { class: "scroll" }, table);
  body.append(...rows.values());
  makeReachable();

  body.addEventListener("click", (event) => {
    const id = idOf(event.target);
    if (id !== null) onSelect(id);
  });
  body.addEventListener("keydown", (event) => {
    const row = event.target instanceof HTMLTableRowElement ? event.target : null;
    if (row === null) return;
    const target = {
      ArrowDown: row.nextElementSibling,
      ArrowUp: row.previousElementSibling,
      Home: body.firstElementChild,
      End: body.lastElementChild,
    }[event.key];
    if (target instanceof HTMLElement) {
      for (const one of rows.values()) one.tabIndex = -1;
      target.tabIndex = 0;
      target.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      const id = idOf(row);
      if (id !== null) onSelect(id);
    } else return;
    event.preventDefault();
  });

  /** One row is a stop of the Tab key: the selected one, or the first. */
  function makeReachable(): void {
    for (const row of rows.values()) row.tabIndex = -1;
    const chosen = selected === null ? undefined : rows.get(selected);
    const stop = chosen?.parentElement === body ? chosen : body.firstElementChild;
    if (stop instanceof HTMLElement) stop.tabIndex = 0;
  }

  function sortBy(column: Column): void {
    const again = sorted?.key === column.key ? sorted.direction : null;
    const opposite = { ascending: "descending", descending: "ascending" } as const;
    sorted = { key: column.key, direction: again === null ? column.first : opposite[again] };
    for (const [i, header] of headers.entries()) {
      header.setAttribute("aria-sort", columns[i]?.key === column.key ? sorted.direction : "none");
    }
    arrange();
  }

  function arrange(): void {
    const column = columns.find(({ key }) => key === sorted?.key);
    const points = model.points.filter(({ id }) => shown.has(id));
    const sign = sorted?.direction === "descending" ? -1 : 1;
    if (column !== undefined) points.sort((a, b) => compare(column.order(a), column.order(b), sign) || a.id - b.id);
    body.replaceChildren(...points.flatMap(({ id }) => rows.get(id) ?? []));
    makeReachable();
  }

  return {
    host,
    select(id) {
      if (selected !== null) rows.get(selected)?.removeAttribute("aria-selected");
      selected = id;
      if (id !== null) rows.get(id)?.setAttribute("aria-selected", "true");
      makeReachable();
    },
    showChart(next) {
      chart = next;
      for (const [i, { key, cell }] of columns.entries()) {
        if (!chartColumns.includes(key)) continue;
        for (const point of model.points) rows.get(point.id)?.cells[i]?.replaceChildren(cell(point));
      }
      if (sorted !== null && chartColumns.includes(sorted.key)) arrange();
    },
    filter(text) {
      const words = text
        .toLowerCase()
        .split(/\s+/)
        .filter((word) => word !== "");
      shown.clear();
      for (const point of model.points) {
        const said = [point.name, point.verdict, standingOf(point), ...point.fail_reasons, ...point.unrankable_reasons];
        const searched = said.join("\n").toLowerCase();
        if (words.every((word) => searched.includes(word))) shown.add(point.id);
      }
      arrange();
      return shown.size;
    },
  };
}

const chartColumns: readonly string[] = ["frontier", "place"];

function columnsOf(
  model: ReportModel,
  chart: () => ChartColumns,
  colourOf: (tier: string) => string,
): readonly Column[] {
  const isMeasured = ({ key }: ReportAxis): boolean => model.points.some(({ figures }) => figures[key]?.value !== null);
  const onFrontier = ({ id }: ReportPoint): boolean => chart().frontier.has(id);
  return [
    {
      key: "name",
      title: "Point",
      unit: null,
      word: true,
      cell: ({ name, tier }) => {
        const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
        swatch.style.background = colourOf(tier);
        return element("span", {}, swatch, bdi(name));
      },
      order: ({ name }) => name,
      first: "ascending",
    },
    {
      key: "verdict",
      title: "Verdict",
      unit: null,
      word: true,
      cell: ({ verdict }) => verdictBadge(verdict),
      order: ({ verdict }) => verdict,
      first: "ascending",
    },
    {
      key: "rankable",
      title: "Rankable",
      unit: null,
      word: true,
      cell: ({ rankable }) => (rankable ? "yes" : "no"),
      order: ({ rankable }) => (rankable ? 1 : 0),
      first: "descending",
    },
    {
      key: "frontier",
      title: "On the frontier",
      unit: "of the chart",
      word: true,
      cell: (point) => (onFrontier(point) ? "yes" : NO_FIGURE),
      order: (point) => (onFrontier(point) ? 1 : 0),
      first: "descending",
    },
    {
      key: "place",
      title: "Place",
      unit: "on the vertical axis",
      word: false,
      cell: ({ id }) => placeText(chart().places.get(id)),
      order: ({ id }) => {
        const place = chart().places.get(id);
        return place === undefined ? null : place.best + place.worst;
      },
      first: "ascending",
    },
    ...model.axes.filter(isMeasured).map((axis): Column => ({
      key: `axis ${axis.key}`,
      title: axis.label,
      unit: axis.share ? null : axis.unit,
      word: false,
      cell: ({ figures }) => {
        const figure = figures[axis.key];
        return figure?.value === null ? element("span", { title: figure.why }, NO_FIGURE) : formatFigure(figure, axis);
      },
      order: ({ figures }) => figures[axis.key]?.value ?? null,
      first: axis.better === "higher" ? "descending" : "ascending",
    })),
  ];
}

/** One place, or the first and the last where the data do not tell points apart. */
function placeText(place: { readonly best: number; readonly worst: number } | undefined): string {
  if (place === undefined) return NO_FIGURE;
  return place.best === place.worst ? String(place.best) : `${place.best}–${place.worst}`;
}

/** A verdict with a sign of its own, so that it does not depend on colour. */
export function verdictBadge(verdict: "pass" | "fail"): HTMLElement {
  return verdict === "pass"
    ? element("span", { class: "badge pass" }, "✓ PASS")
    : element("span", { class: "badge fail" }, "✕ FAIL");
}

function rowOf(point: ReportPoint, columns: readonly Column[]): HTMLTableRowElement {
  const cells = columns.map((column) => element("td", column.word ? { class: "word" } : {}, column.cell(point)));
  return element("tr", { "data-id": String(point.id), tabindex: "-1" }, ...cells);
}

function idOf(target: EventTarget | null): number | null {
  const row = target instanceof Element ? target.closest("tr[data-id]") : null;
  const id = row?.getAttribute("data-id") ?? null;
  return id === null ? null : Number(id);
}

function compare(a: number | string | null, b: number | string | null, sign: 1 | -1): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * words.compare(String(a), String(b));
}

// Batches and heads inside names sort by their numbers.
const words = new Intl.Collator("en", { numeric: true });
