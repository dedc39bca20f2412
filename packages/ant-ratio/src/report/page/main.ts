// The script of the report's page. It is bundled with all it imports into the page itself.
import { rankPoints } from "../../compare-on.js";
import { suitsLog } from "../charts/domain.js";
import { type ScatterData, scatterData, standingOf } from "../charts/scatter-data.js";
import { FAIL_SHAPE } from "../charts/scatter-spec.js";
import { darkTheme, lightTheme, tierColours, tierOrder } from "../charts/theme.js";
import type { ReportModel } from "../report-model.js";
import type { Chart } from "./chart-view.js";
import { showDetail } from "./detail-view.js";
import { bdi, element, markPicture } from "./dom.js";
import { showScatter } from "./scatter-view.js";
import { type ChartColumns, tableView } from "./table-view.js";

const font = getComputedStyle(document.body).fontFamily;
const circle = "M0,-1A1,1,0,1,1,0,1A1,1,0,1,1,0,-1Z";

function start(model: ReportModel): void {
  const main = document.querySelector("main");
  const made = document.querySelector("#made");
  const themeSelect = document.querySelector<HTMLSelectElement>("#theme");
  if (main === null || made === null || themeSelect === null) throw new Error("the page has lost its parts");
  made.textContent = model.generated_utc === null ? "" : `Newest packet: ${model.generated_utc}`;
  if (model.points.length === 0) {
    main.replaceChildren(
      element(
        "section",
        { class: "empty" },
        element("h2", {}, "There is nothing to show yet"),
        element("p", { class: "quiet" }, "The report was made from no packets. Once there are some, make it again."),
      ),
    );
    followTheme(themeSelect, () => undefined);
    return;
  }

  const tiers = tierOrder(model.points.map(({ tier }) => tier));
  const state = { x: model.x, y: model.y, log: { x: false, y: false }, selected: null as number | null };
  let charts: Chart[] = [];
  let detailChart: Chart | null = null;
  let data: ScatterData = scatterData(model, { x: state.x, y: state.y, frontier: true });
  const darkScreen = matchMedia("(prefers-color-scheme: dark)");
  let printing = false;
  const isDark = (): boolean =>
    !printing && (themeSelect.value === "dark" || (themeSelect.value === "auto" && darkScreen.matches));

  const live = element("p", { class: "visually-hidden", role: "status" });
  const chartHost = element("div", { class: "chart", id: "frontier-chart", tabindex: "0", role: "group" });
  const speedHost = element("div", { class: "chart", id: "speed-chart", tabindex: "0", role: "group" });
  const notice = element("div");
  const missing = element("div");
  const speedMissing = element("div");
  const legends = [element("ul", { class: "legend" }), element("ul", { class: "legend" })];
  const detail = element("aside", { id: "detail", "aria-label": "Detail of the selected point", tabindex: "-1" });
  const table = tableView(model, { colourOf: (tier) => `var(--tier-${tiers.indexOf(tier)})`, onSelect: select });
  const frontierCount = element("b");

  const xSelect = axisSelect("x");
  const ySelect = axisSelect("y");
  const logs = { x: logBox("x"), y: logBox("y") };
  const count = (test: (point: ReportModel["points"][number]) => boolean): string =>
    String(model.points.filter(test).length);
  const search = element("input", {
    type: "search",
    "aria-label": "Filter the table",
    placeholder: "Filter by name or reason",
  });
  const left = element("span", { class: "quiet small", role: "status" });
  search.addEventListener("input", () => {
    const shown = table.filter(search.value);
    left.textContent = search.value.trim() === "" ? "" : `${shown} of ${model.points.length}`;
  });

  main.replaceChildren(
    element(
      "ul",
      { class: "sums" },
      element(
        "li",
        {},
        element("b", {}, String(model.points.length)),
        model.points.length === 1 ? "packet" : "packets",
      ),
      element(
        "li",
        {},
        element(
          "b",
          {},
          count(({ verdict }) => verdict === "pass"),
        ),
        "PASS",
      ),
      element(
        "li",
        {},
        element(
          "b",
          {},
          count(({ verdict }) => verdict === "fail"),
        ),
        "FAIL",
      ),
      element(
        "li",
        {},
        element(
          "b",
          {},
          count(({ rankable }) => rankable),
        ),
        "rankable",
      ),
      element("li", {}, frontierCount, "on the frontier"),
    ),
    element(
      "div",
      { class: "top" },
      element(
        "section",
        { "aria-labelledby": "frontier-title" },
        element(
          "div",
          { class: "section-head" },
          element("h2", { id: "frontier-title" }, "Frontier"),
          element(
            "div",
            { class: "controls" },
            element("div", { class: "axis" }, xSelect.field, logs.x.field),
            element("div", { class: "axis" }, ySelect.field, logs.y.field),
          ),
        ),
        chartHost,
        legends[0] ?? null,
        notice,
        missing,
      ),
      detail,
    ),
    element(
      "section",
      { "aria-labelledby": "speed-title" },
      element("div", { class: "section-head" }, element("h2", { id: "speed-title" }, "Speed against memory")),
      speedHost,
      legends[1] ?? null,
      speedMissing,
    ),
    element(
      "section",
      { class: "rows", "aria-labelledby": "table-title" },
      element(
        "div",
        { class: "section-head" },
        element("h2", { id: "table-title" }, "All points"),
        element("div", { class: "controls" }, left, search),
      ),
      table.host,
    ),
    live,
  );

  const redraw = (): void => {
    const theme = isDark() ? darkTheme : lightTheme;
    const colours = tierColours(tiers, theme);
    tiers.forEach((tier, i) =>
      document.documentElement.style.setProperty(`--tier-${i}`, colours.get(tier) ?? theme.ink),
    );
    charts.forEach((chart) => chart.remove());
    data = scatterData(model, { x: state.x, y: state.y, frontier: true });
    const speed = scatterData(model, { x: model.memory, y: model.speed, frontier: false });
    const announce = (text: string): void => {
      if (document.activeElement?.classList.contains("chart") === true) live.textContent = text;
    };
    const shared = { model, theme, font, announce, onSelect: select };
    charts = [
      showScatter(chartHost, { ...shared, data, log: state.log, frontier: true }),
      showScatter(speedHost, {
        ...shared,
        data: speed,
        log: { x: false, y: suitsLog(speed.rows.map(({ y }) => y)) },
        frontier: false,
      }),
    ];
    const best = new Set(data.rows.filter(({ on_frontier }) => on_frontier).map(({ id }) => id));
    frontierCount.textContent = String(best.size);
    table.showChart({ frontier: best, places: placesOf(data) });
    notice.replaceChildren(noticeOf(data));
    missing.replaceChildren(missingList(data));
    speedMissing.replaceChildren(missingList(speed));
    for (const legend of legends) legend.replaceChildren(...legendItems(colours, theme.fail));
    showSelected();
  };

  function select(id: number): void {
    state.selected = id;
    showSelected();
    const box = detail.getBoundingClientRect();
    if (box.top < 0 || box.top > innerHeight - 80) detail.scrollIntoView({ block: "nearest" });
    live.textContent = `Selected ${model.points[id]?.name ?? ""}`;
  }

  function showSelected(): void {
    const theme = isDark() ? darkTheme : lightTheme;
    charts.forEach((chart) => chart.select(state.selected));
    table.select(state.selected);
    detailChart?.remove();
    detailChart = null;
    const point = model.points.find(({ id }) => id === state.selected);
    if (point !== undefined) detailChart = showDetail(detail, point, { model, data, theme, font });
    else {
      detail.replaceChildren(
        element("h2", {}, "Detail"),
        element(
          "p",
          { class: "quiet" },
          "Select a point in a chart or a row of the table to see everything that is known of it.",
        ),
      );
    }
  }

  function axisSelect(side: "x" | "y"): { readonly field: HTMLElement } {
    const options = model.axes.map(({ key, label }) => {
      const empty = model.points.every(({ figures }) => figures[key]?.value === null);
      return element("option", { value: key }, empty ? `${label} (no values)` : label);
    });
    const select = element("select", { id: `axis-${side}` }, ...options);
    select.value = state[side];
    select.addEventListener("change", () => {
      state[side] = select.value;
      suggestLog(side);
      redraw();
    });
    const title = side === "x" ? "Horizontal" : "Vertical";
    return { field: element("label", { class: "field" }, title, select) };
  }

  function logBox(side: "x" | "y"): { readonly field: HTMLElement; readonly box: HTMLInputElement } {
    const box = element("input", { type: "checkbox", id: `log-${side}` });
    box.addEventListener("change", () => {
      state.log = { ...state.log, [side]: box.checked };
      redraw();
    });
    return { field: element("label", { class: "check" }, box, "log"), box };
  }

  function suggestLog(side: "x" | "y"): void {
    const values = model.points.flatMap(({ figures }) => figures[state[side]]?.value ?? []);
    const share = model.axes.some((axis) => axis.key === state[side] && axis.share);
    const log = !share && suitsLog(values);
    state.log = { ...state.log, [side]: log };
    logs[side].box.checked = log;
    logs[side].box.disabled = !values.every((value) => value > 0);
  }

  function missingList({ missing: points, axes }: ScatterData): Node {
    if (points.length === 0) return document.createDocumentFragment();
    const items = points.map(({ id, name, reasons }) => {
      const button = element("button", { type: "button" }, bdi(name));
      button.addEventListener("click", () => select(id));
      return element("li", {}, button, " ", element("span", { class: "quiet" }, bdi(reasons.join("; "))));
    });
    const one = points.length === 1;
    const summary = `${points.length} ${one ? "point is" : "points are"} not on this chart: no value for ${axes.x.label} or ${axes.y.label}`;
    return element(
      "details",
      { class: "missing", ...(points.length <= 4 ? { open: "" } : {}) },
      element("summary", {}, summary),
      element("div", {}, element("ul", { class: "reasons" }, ...items)),
    );
  }

  function noticeOf({ rows, line }: ScatterData): Node {
    if (line.length > 0) return document.createDocumentFragment();
    const text =
      rows.length === 0
        ? "No point has a value on both axes, so there is nothing to draw. The reasons are listed below."
        : model.points.some((point) => standingOf(point) === "rankable")
          ? "No rankable point has a value on both axes, so there is no frontier here."
          : "No point is rankable, so there is no frontier. What each point lacks is in its detail.";
    return element("p", { class: "notice" }, text);
  }

  function legendItems(colours: ReadonlyMap<string, string>, fail: string): readonly Node[] {
    const grey = "var(--faint-ink)";
    const standings = [
      [circle, { fill: grey, stroke: grey }, "rankable"],
      [circle, { fill: "none", stroke: grey }, "PASS, not rankable"],
      [FAIL_SHAPE, { fill: grey, stroke: fail }, "FAIL"],
    ] as const;
    return [
      ...[...colours].map(([tier, colour]) =>
        element("li", {}, markPicture(circle, { fill: colour, stroke: colour }), bdi(tier)),
      ),
      ...standings.map(([shape, paint, text]) => element("li", {}, markPicture(shape, paint), text)),
      element("li", { class: "quiet" }, "size: heads"),
    ];
  }

  followTheme(themeSelect, redraw);
  darkScreen.addEventListener("change", redraw);
  addEventListener("beforeprint", () => {
    printing = true;
    redraw();
  });
  addEventListener("afterprint", () => {
    printing = false;
    redraw();
  });
  suggestLog("x");
  suggestLog("y");
  state.selected = model.points.length === 1 ? 0 : (data.rows.findLast(({ on_frontier }) => on_frontier)?.id ?? null);
  redraw();
}

/** The places of the rankable points of a chart on its vertical axis, as far as their intervals tell them apart. */
function placesOf({ rows, axes }: ScatterData): ChartColumns["places"] {
  const { ranked } = rankPoints(
    rows.filter(({ standing }) => standing === "rankable"),
    {
      key: axes.y.key,
      better: axes.y.better,
      value: ({ y }) => y,
      interval: ({ y_low: low, y_high: high }) => (low === null || high === null ? null : { low, high }),
    },
  );
  return new Map(ranked.map(({ item, rank }) => [item.id, rank]));
}

/** The choice of light or dark, kept for the next time where the browser keeps anything for this page. */
function followTheme(select: HTMLSelectElement, onChange: () => void): void {
  const key = "vrx-report-theme";
  const apply = (): void => {
    if (select.value === "auto") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", select.value);
  };
  try {
    const kept = localStorage.getItem(key);
    if (kept === "light" || kept === "dark") select.value = kept;
  } catch {
    // A page from a file may have no storage; the system's choice holds then.
  }
  apply();
  select.addEventListener("change", () => {
    apply();
    onChange();
    try {
      localStorage.setItem(key, select.value);
    } catch {
      // As above.
    }
  });
}

start(JSON.parse(document.querySelector("#model")?.textContent ?? "") as ReportModel);
