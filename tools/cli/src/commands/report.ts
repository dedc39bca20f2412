import { jsonOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operands } from "../frame/define-command.js";
import { text } from "../frame/options.js";

const takes = {
  operands: {
    packets: operands("PACKETS", "a file of packets, one a line, or `-` for standard input", { completes: "file" }),
  },
  options: {
    out: text("FILE", "write the page to FILE (default: report.html)", { short: "o", completes: "file" }),
    svg: text("FILE", "also draw the frontier as SVG; needs the package vega", { completes: "file" }),
    png: text("FILE", "also draw the frontier as PNG; needs the packages vega and @resvg/resvg-js", {
      completes: "file",
    }),
    csv: text("FILE", "also write the figures as CSV", { completes: "file" }),
    latex: text("FILE", "also write a LaTeX table", { completes: "file" }),
    title: text("TITLE", "what the report is called (default: Cost against capability)"),
    x: text("AXIS", "the horizontal axis of the frontier"),
    y: text("AXIS", "the vertical axis of the frontier"),
    prices: text("FILE", "a price table, for the axes of cost", { completes: "file" }),
    json: jsonOption,
  },
};

/** A call of `vrx report`. */
export type ReportCall = CallOf<typeof takes>;

/** `vrx report` */
export const report = defineCommand({
  name: "report",
  summary: "show packets as one self-contained page, with the frontier",
  description:
    "Show packets as one HTML page that needs no network and no server: the frontier over axes to choose, speed against " +
    "memory, a table, and everything that is known of each point (docs/report.md). The same charts can be had as " +
    "pictures, the figures as CSV and as a LaTeX table. A line that holds no packet is an error and nothing is written.",
  ...takes,
  examples: [
    { does: "the report of a sweep", line: "vrx report sweep/packets.jsonl -o report.html" },
    {
      does: "a picture and a table for a paper",
      line: "vrx report sweep/packets.jsonl --svg frontier.svg --latex points.tex",
    },
    {
      does: "two sweeps in one report, by cost",
      line: "vrx report a/packets.jsonl b/packets.jsonl --prices prices.json",
    },
  ],
  exits: {
    0: "the files are written",
    2: "a file holds something else than packets, an axis is unknown, or a picture cannot be drawn",
  },
  load: async () => (await import("../actions/report.js")).run,
});
