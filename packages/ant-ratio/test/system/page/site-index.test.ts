import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publishSite } from "../../../src/report/publish-site.js";
import { twoSeeds } from "../../report/sample-packets.js";
import { type TestBrowser, startBrowser, whyNoBrowser } from "./browser.js";

describe.skipIf(whyNoBrowser() !== null)("a published site in a browser, from its folder", () => {
  let browser: TestBrowser;
  const dir = mkdtempSync(join(tmpdir(), "vrx-site-"));
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it("lists its sweeps, shows their charts, and leads to their reports", async () => {
    const name = `</td><script>alert(1)</script>`;
    await publishSite(
      [
        { tag: name, packets: twoSeeds() },
        { tag: "other", packets: twoSeeds({ batch_size: 4 }) },
      ],
      dir,
    );
    const { page, problems } = await browser.go(pathToFileURL(join(dir, "index.html")).href);
    expect(await page.locator("tbody tr td:first-child").allTextContents()).toEqual([name, "other"]);
    expect(await page.locator("tbody tr").first().locator("td").allTextContents()).toEqual([
      name,
      "2",
      "2",
      "2",
      "2026-01-01T12:00:00Z",
    ]);
    const widths = await page
      .locator("img")
      .evaluateAll((images) => images.map((image) => (image as HTMLImageElement).naturalWidth));
    expect(widths).toHaveLength(2);
    for (const width of widths) expect(width).toBeGreaterThan(300);
    await page.locator("tbody a").first().click();
    expect(await page.locator("h1").textContent()).toBe(name);
    expect(await page.locator("#frontier-chart .mark-symbol.marks path").count()).toBe(2);
    const asked = problems.filter((problem) => !/^request: file:.*\.(svg|html)$/.test(problem));
    expect(asked).toEqual([]);
  });
});
