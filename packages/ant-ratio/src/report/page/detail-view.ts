import type { ScatterData } from "../charts/scatter-data.js";
import type { Theme } from "../charts/theme.js";
import { traceSpec } from "../charts/trace-spec.js";
import { NO_FIGURE, formatFigure, formatNumber } from "../format-figure.js";
import type { GateDetail, ReportModel, ReportPoint, RunDetails } from "../report-model.js";
import { type Chart, drawChart } from "./chart-view.js";
import { bdi, element, terms } from "./dom.js";
import { verdictBadge } from "./table-view.js";

/** What the detail of a point is shown with. */
export interface DetailInput {
  readonly model: ReportModel;
  /** The frontier's chart: it knows by whom a point is dominated. */
  readonly data: ScatterData;
  readonly theme: Theme;
  readonly font: string;
}

/** Fills `host` with everything that is known of a point. Returns the chart of its steps, to be removed with it. */
export function showDetail(host: HTMLElement, point: ReportPoint, input: DetailInput): Chart | null {
  const { model, data } = input;
  const { details } = point;
  host.replaceChildren(
    element("h2", { class: "name", id: "detail-title" }, bdi(point.name)),
    element("p", {}, verdictBadge(point.verdict), ` · ${point.rankable ? "rankable" : "not rankable"}`),
    element("p", { class: "small" }, standingOnFrontier(point, model, data)),
    reasons("Why it failed", point.fail_reasons),
    reasons("Why it is not rankable", point.unrankable_reasons),
    element("h3", {}, "Figures"),
    terms(
      "facts",
      model.axes
        .filter(({ key }) => point.figures[key]?.value !== null)
        .map((axis) => [axis.label, withUnit(formatFigure(point.figures[axis.key], axis), axis)] as const),
    ),
    reasons(
      "Figures that are not there",
      model.axes.flatMap(({ key, label }) => {
        const figure = point.figures[key];
        return figure?.value === null ? [`${label}: ${figure.why}`] : [];
      }),
    ),
  );
  const chart = details === null ? null : showRun(host, details, input);
  if (details === null) {
    host.append(
      element("p", { class: "quiet small" }, "The steps and the gates of this run were not given to the report."),
    );
  }
  const said = terms(
    "facts",
    point.facts.map(([name, value]) => [name, factText(value)] as const),
  );
  host.append(element("details", { class: "packet" }, element("summary", {}, "Everything the packet says"), said));
  return chart;
}

/** Where the point stands on the chart: on the frontier, dominated and by whom, or not on the chart at all. */
export function standingOnFrontier(point: ReportPoint, model: ReportModel, data: ScatterData): string {
  const { x, y } = data.axes;
  const on = `${x.label} and ${y.label}`;
  if (data.missing.some(({ id }) => id === point.id)) return `Not on the chart of ${on}.`;
  if (data.rows.some(({ id, on_frontier }) => id === point.id && on_frontier)) return `On the frontier of ${on}.`;
  const domination = data.dominated.get(point.id);
  const better = domination === undefined ? undefined : model.points.find(({ id }) => id === domination.by);
  if (domination === undefined || better === undefined) {
    return point.rankable
      ? `Not dominated on ${on}.`
      : `No rankable point dominates it on ${on}, but it may not be ranked itself.`;
  }
  const leads = domination.better_on.map((axis) => {
    const [its, theirs] = [point, better].map(({ figures }) => {
      const figure = figures[axis.key];
      return figure?.value == null ? NO_FIGURE : formatFigure({ value: figure.value }, axis);
    });
    return `${axis.label} (${theirs ?? NO_FIGURE} against ${its ?? NO_FIGURE})`;
  });
  const rest = domination.better_on.length === 1 ? ", and as good on the other axis" : "";
  return `Dominated by \u2068${better.name}\u2069: better on ${leads.join(" and ")}${rest}.`;
}

function showRun(
  host: HTMLElement,
  { times_s, gates, verdict, facts }: RunDetails,
  { theme, font }: DetailInput,
): Chart | null {
  const known = times_s.filter((time) => time !== null);
  let chart: Chart | null = null;
  host.append(element("h3", {}, "Step times"));
  if (known.length === 0) {
    host.append(element("p", { class: "quiet small" }, "No step of this run has a time."));
  } else {
    const slowest_ms = Math.max(...known) * 1000;
    const label = `The times of ${times_s.length} measured steps; the slowest took ${formatNumber(slowest_ms)} ms`;
    const place = element("div", { class: "chart trace", role: "img", "aria-label": label });
    host.append(place);
    chart = drawChart({
      host: place,
      spec: traceSpec(times_s, { theme, font, width_px: place.clientWidth, height_px: 130 }),
      points: [],
      onPoint: () => undefined,
      onSelect: () => undefined,
    });
  }
  host.append(
    element("h3", {}, "Gates"),
    verdict === null ? element("span") : element("p", { class: "small" }, "Verdict of the run: ", bdi(verdict)),
    gates.length === 0
      ? element("p", { class: "quiet small" }, "No gate was judged.")
      : element("ul", { class: "reasons gates" }, ...gates.map(gateItem)),
  );
  const entries = Object.entries(facts ?? {});
  if (entries.length > 0) {
    host.append(
      element("h3", {}, "Run"),
      terms(
        "facts",
        entries.map(([name, value]) => [name, factText(value)] as const),
      ),
    );
  }
  return chart;
}

function gateItem({ gate, outcome, value, limit, unit, reason }: GateDetail): HTMLElement {
  const figures =
    value === null
      ? ""
      : ` ${typeof value === "number" ? formatNumber(value) : value}${limit === null ? "" : ` of ${formatNumber(limit)}`}${unit === null ? "" : ` ${unit}`}`;
  const sign = outcome === "pass" ? "✓" : outcome === "fail" ? "✕" : "?";
  const kind = outcome === "pass" ? "badge pass" : outcome === "fail" ? "badge fail" : "badge";
  return element(
    "li",
    {},
    element("span", { class: kind }, `${sign} `, bdi(gate)),
    ` ${outcome}${figures}`,
    reason === "" ? null : element("div", { class: "quiet" }, bdi(reason)),
  );
}

function reasons(title: string, texts: readonly string[]): Node {
  if (texts.length === 0) return document.createDocumentFragment();
  const items = texts.map((text) => element("li", {}, bdi(text)));
  return element("div", {}, element("h3", {}, title), element("ul", { class: "reasons" }, ...items));
}

function withUnit(text: string, { unit, share }: { readonly unit: string | null; readonly share: boolean }): string {
  return share || unit === null || unit === "" || text === NO_FIGURE ? text : `${text} ${unit}`;
}

function factText(value: string | number | boolean | null): string {
  return value === null ? "not stated" : String(value);
}
