import { type ScatterData, type ScatterRow, standingOf } from "../charts/scatter-data.js";
import { scatterSpec } from "../charts/scatter-spec.js";
import type { Theme } from "../charts/theme.js";
import { axisTitle, formatFigure } from "../format-figure.js";
import type { ReportModel } from "../report-model.js";
import { type Chart, drawChart } from "./chart-view.js";
import { standingOnFrontier } from "./detail-view.js";
import { bdi, element, terms } from "./dom.js";

/** What a scatter chart of the page is drawn from. */
export interface ScatterInput {
  readonly model: ReportModel;
  readonly data: ScatterData;
  readonly theme: Theme;
  readonly font: string;
  readonly log: { readonly x: boolean; readonly y: boolean };
  readonly frontier: boolean;
  /** Told to screen readers when the keyboard visits a point. */
  readonly announce: (text: string) => void;
  readonly onSelect: (id: number) => void;
}

/** Draws a scatter chart with its tooltip into `host`. */
export function showScatter(host: HTMLElement, input: ScatterInput): Chart {
  const { model, data, theme, font, log } = input;
  const tip = element("div", { class: "tip", role: "presentation" });
  tip.hidden = true;
  const width_px = host.clientWidth;
  const height_px = Math.round(Math.min(520, Math.max(300, width_px * 0.62)));
  host.replaceChildren(tip);
  host.setAttribute("aria-label", chartLabel(data));
  return drawChart({
    host,
    spec: scatterSpec(data, { theme, width_px, height_px, font, log, standalone: null }),
    points: [...data.rows].sort((a, b) => a.x - b.x || a.y - b.y || a.id - b.id),
    onPoint(id, place) {
      const row = data.rows.find((one) => one.id === id);
      tip.hidden = row === undefined;
      if (row === undefined) return;
      tip.replaceChildren(...tipContent(row, input));
      placeTip(tip, host, place);
      input.announce(tip.innerText);
    },
    onSelect: input.onSelect,
  });

  function tipContent(row: ScatterRow, { frontier }: ScatterInput): readonly Node[] {
    const point = model.points.find(({ id }) => id === row.id);
    if (point === undefined) return [];
    const figures = [data.axes.x, data.axes.y].map(
      (axis) => [axisTitle(axis), formatFigure(point.figures[axis.key], axis)] as const,
    );
    const heads = point.heads === null ? "not stated" : String(point.heads);
    const why = point.verdict === "fail" ? point.fail_reasons : point.unrankable_reasons;
    return [
      element("strong", {}, bdi(point.name)),
      terms("", [["standing", standingOf(point)], ["tier", point.tier], ["heads", heads], ...figures]),
      ...(frontier ? [element("p", {}, standingOnFrontier(point, model, data))] : []),
      ...why.slice(0, 3).map((reason) => element("p", { class: "quiet" }, bdi(reason))),
    ];
  }
}

/** Beside the point, on the side where there is room. */
function placeTip(
  tip: HTMLElement,
  host: HTMLElement,
  { left, top }: { readonly left: number; readonly top: number },
): void {
  const gap_px = 14;
  const fits = left + gap_px + tip.offsetWidth <= host.clientWidth;
  const x = fits ? left + gap_px : Math.max(0, left - gap_px - tip.offsetWidth);
  const y = Math.min(Math.max(0, top - tip.offsetHeight / 2), Math.max(0, host.clientHeight - tip.offsetHeight));
  tip.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
}

function chartLabel({ axes: { x, y }, rows, line }: ScatterData): string {
  const shape = line.length === 0 ? "" : `; ${rows.filter((row) => row.on_frontier).length} on the frontier`;
  return (
    `Chart of ${axisTitle(y)} over ${axisTitle(x)}: ${rows.length} points${shape}. ` +
    "Arrow keys move from point to point, Enter shows the detail. The table below has the same figures."
  );
}
