import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PriceTable } from "../../src/cost.js";
import { buildReportModel } from "../../src/report/build-report-model.js";
import { pointNames } from "../../src/report/point-names.js";
import { latexTable, renderChart, renderReport, reportCsv } from "../../src/report/render-report.js";
import { samplePacket, twoSeeds } from "./sample-packets.js";

describe("a report of packets", () => {
  it("ranks a configuration by all its seeds, and says what a single one lacks", () => {
    expect(buildReportModel(twoSeeds()).points.map(({ rankable }) => rankable)).toEqual([true, true]);
    const [alone] = buildReportModel([samplePacket()]).points;
    expect(alone?.rankable).toBe(false);
    expect(alone?.unrankable_reasons.join()).toMatch(/at least 2 seeds .* there is 1/);
  });

  it("gives every figure a value or a reason, and none a zero that nobody measured", () => {
    const packet = samplePacket({
      throughput_tokens_per_s: null,
      assoc_byte_disjoint_accuracy: null,
      assoc_eval_n: null,
    });
    const { axes, points } = buildReportModel([packet]);
    for (const { key } of axes) {
      const figure = points[0]?.figures[key];
      expect(figure).toBeDefined();
      if (figure?.value === null) expect(figure.why).not.toBe("");
      else expect(figure?.value).toBeGreaterThan(0);
    }
    expect(points[0]?.figures["throughput_tokens_per_s"]).toEqual({
      value: null,
      why: "the probe measured no throughput",
    });
  });

  it("shows a failure with its reasons, also where the packet only lacks a statement", () => {
    const failed = samplePacket({ stability_pass: false, fail_reasons: ["vram_guard"], had_oom: true, had_nan: null });
    expect(buildReportModel([failed]).points[0]).toMatchObject({
      verdict: "fail",
      rankable: false,
      fail_reasons: ["vram_guard", "had_oom", "had_nan is not stated"],
    });
  });

  it("starts with the memory that most of the packets have", () => {
    expect(buildReportModel(twoSeeds()).memory).toBe("memory_budget_ratio");
    expect(buildReportModel([samplePacket({ vram_ratio_reserved: 0.8 }, {})]).memory).toBe("vram_ratio_reserved");
    expect(buildReportModel([]).memory).toBe("vram_ratio_reserved");
  });

  it("has an axis of cost for each currency, with the price's source in the detail, and a reason where there is none", () => {
    const prices: PriceTable = {
      schema_version: "vrx_prices_v1",
      prices: [{ device: "cpu", currency: "EUR", per_hour: 0.18, source: "a contract", date: "2026-01-01" }],
    };
    const { axes, points } = buildReportModel([samplePacket(), samplePacket({}, { device_kind: "cuda" })], { prices });
    expect(axes.at(-1)).toMatchObject({ key: "cost_eur_per_1m_ring_tokens", better: "lower" });
    expect(points[0]?.figures["cost_eur_per_1m_ring_tokens"]?.value).toBeCloseTo(0.001, 9);
    expect(points[0]?.facts).toContainEqual(["price", "0.18 EUR per hour by a contract, 2026-01-01"]);
    expect(points[1]?.figures["cost_eur_per_1m_ring_tokens"]).toEqual({
      value: null,
      why: "the artifacts do not name the device",
    });
  });

  it("gives every packet a name of its own", () => {
    expect(
      pointNames([...twoSeeds(), samplePacket({ expert_heads: 4 })].map((packet) => ({ packet, source: null }))),
    ).toEqual(["custom, heads 1, batch 16, seed 1", "custom, heads 1, batch 16, seed 2", "custom, heads 4, batch 16"]);
    const small = fc.option(fc.constantFrom(1, 2));
    fc.assert(
      fc.property(
        fc.array(fc.record({ expert_heads: small, batch_size: small, seq_len: small }), { maxLength: 12 }),
        (given) => {
          const names = pointNames(given.map((over) => ({ packet: samplePacket(over), source: null })));
          expect(new Set(names).size).toBe(given.length);
        },
      ),
    );
  });

  it("refuses an axis that does not exist, naming those that do", () => {
    expect(() => renderReport([], { x: "speed" })).toThrow(
      /expected an axis of .*throughput_tokens_per_s.*found "speed"/,
    );
  });

  it("is the same in CSV and LaTeX: a row for each packet, and nothing where nothing was measured", () => {
    const packets = [...twoSeeds(), samplePacket({ throughput_tokens_per_s: null })];
    const [header = "", ...rows] = reportCsv(packets).trimEnd().split("\n");
    expect(rows).toHaveLength(3);
    const column = header.split(",").indexOf("throughput_tokens_per_s");
    expect(rows.map((row) => row.split(/,(?! )/)[column])).toEqual(["50000", "50000", ""]);
    expect(
      latexTable(packets)
        .split("\n")
        .filter((line) => line.endsWith("\\\\")),
    ).toHaveLength(4);
  });

  it("draws the same picture every time, as SVG and as PNG, with letters in it", async () => {
    const packets = [...twoSeeds(), samplePacket({ stability_pass: false })];
    const svg = await renderChart(packets, "frontier", "svg");
    expect(svg.startsWith("<svg")).toBe(true);
    expect(await renderChart(packets, "frontier", "svg")).toBe(svg);
    const png = await renderChart(packets, "speed", "png");
    expect([...png.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
    const blank = await renderChart([], "speed", "png");
    expect(png.length).toBeGreaterThan(blank.length);
  });
});
