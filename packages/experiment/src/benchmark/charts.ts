import { PICTURE_FONT, pngOf, svgOf, writeWhole } from "@vrx/ant-ratio/report";
import { join } from "node:path";

/** A point of a line, or a bar (`x` its name). */
export interface ChartPoint {
  readonly series: string;
  readonly x: number | string;
  readonly y: number;
}

/** A chart of a few lines or bars. */
export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly kind: "lines" | "bars";
  readonly log_x?: boolean;
  readonly points: readonly ChartPoint[];
}

/** Colours of series in order, told apart by people who see colours differently (Okabe, Ito, 2008). */
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"];

/**
 * Writes a chart as `NAME.svg` and `NAME.png`. Gives the names of the files; rejects with `missing_peer` where vega or
 * resvg is not installed.
 */
export async function writeChart(dir: string, name: string, chart: Chart): Promise<string[]> {
  const svg = await svgOf(specOf(chart));
  await writeWhole(join(dir, `${name}.svg`), svg);
  await writeWhole(join(dir, `${name}.png`), await pngOf(svg, { zoom: 2 }));
  return [`${name}.svg`, `${name}.png`];
}

function specOf({ title, x, y, kind, log_x, points }: Chart): Readonly<Record<string, unknown>> {
  const bars = kind === "bars";
  const series = [...new Set(points.map((point) => point.series))];
  const xScale = bars
    ? { name: "x", type: "band", domain: { data: "points", field: "x" }, range: "width", padding: 0.4 }
    : {
        name: "x",
        type: log_x === true ? "log" : "linear",
        base: 2,
        domain: { data: "points", field: "x" },
        range: "width",
        nice: log_x !== true,
        zero: false,
      };
  const encode = { x: { scale: "x", field: "x" }, y: { scale: "y", field: "y" } };
  const colour = { scale: "series", field: "series" };
  const group = {
    type: "group",
    from: { facet: { name: "line", data: "points", groupby: "series" } },
    marks: [
      {
        type: "line",
        from: { data: "line" },
        encode: { enter: { ...encode, stroke: colour, strokeWidth: { value: 2 } } },
      },
      { type: "symbol", from: { data: "line" }, encode: { enter: { ...encode, fill: colour, size: { value: 40 } } } },
    ],
  };
  const bar = {
    type: "rect",
    from: { data: "points" },
    encode: {
      enter: { x: encode.x, width: { scale: "x", band: 1 }, y: encode.y, y2: { scale: "y", value: 0 }, fill: colour },
    },
  };
  return {
    width: 480,
    height: 300,
    padding: 12,
    background: "white",
    autosize: "pad",
    title: { text: title, font: PICTURE_FONT, fontSize: 15 },
    config: {
      axis: { labelFont: PICTURE_FONT, titleFont: PICTURE_FONT, grid: true },
      legend: { labelFont: PICTURE_FONT, titleFont: PICTURE_FONT },
    },
    data: [{ name: "points", values: points }],
    scales: [
      xScale,
      { name: "y", type: "linear", domain: { data: "points", field: "y" }, range: "height", nice: true, zero: bars },
      { name: "series", type: "ordinal", domain: series, range: COLOURS },
    ],
    axes: [
      { orient: "bottom", scale: "x", title: x, tickCount: 6, grid: !bars },
      { orient: "left", scale: "y", title: y },
    ],
    legends: series.length > 1 ? [{ fill: "series", title: "model" }] : [],
    marks: [bars ? bar : group],
  };
}
