import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { publishSite } from "../../src/report/publish-site.js";
import { renderChart, renderReport } from "../../src/report/render-report.js";
import { twoSeeds } from "./sample-packets.js";

const missing = (): never => {
  throw new Error("Cannot find package");
};

afterEach(() => {
  vi.doUnmock("vega");
  vi.doUnmock("@resvg/resvg-js");
});

describe("without the optional packages", () => {
  it("says which one a picture needs and how to get it", async () => {
    vi.doMock("vega", missing);
    await expect(renderChart(twoSeeds(), "frontier", "svg")).rejects.toMatchObject({
      code: "missing_peer",
      message: expect.stringMatching(/vega.*npm install vega/) as string,
    });
    vi.doUnmock("vega");
    vi.doMock("@resvg/resvg-js", missing);
    await expect(renderChart(twoSeeds(), "frontier", "png")).rejects.toThrow(/npm install @resvg\/resvg-js/);
    expect(await renderChart(twoSeeds(), "frontier", "svg")).toMatch(/^<svg/);
  });

  it("still makes the page, and a site without pictures that says why there are none", async () => {
    vi.doMock("vega", missing);
    expect(renderReport(twoSeeds()).startsWith("<!doctype html>")).toBe(true);
    const dir = mkdtempSync(join(tmpdir(), "vrx-site-"));
    try {
      const { no_pictures } = await publishSite([{ tag: "a", packets: twoSeeds() }], dir);
      expect(no_pictures).toContain("npm install vega");
      expect(readdirSync(dir).filter((name) => /\.(svg|png)$/.test(name))).toEqual([]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
