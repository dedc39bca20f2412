import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderPage } from "../../../src/report/render-page.js";
import { manyPoints, sampleModel, samplePoint } from "../../report/sample-model.js";
import { type OpenedPage, type TestBrowser, startBrowser, whyNoBrowser } from "./browser.js";

const why = whyNoBrowser();

describe.skipIf(why !== null)("a report in a browser, from a file", () => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  const three = sampleModel([
    samplePoint(
      0,
      { throughput: 100, accuracy: { value: 0.9, interval: { low: 0.85, high: 0.94 } }, memory: 0.3 },
      { name: "slow" },
    ),
    samplePoint(1, { throughput: 900, accuracy: 0.4, memory: 0.8 }, { name: "fast" }),
    samplePoint(2, { throughput: 90, accuracy: 0.3, memory: 0.9 }, { name: "beaten", tier: "real", heads: 8 }),
  ]);
  const marks = ".mark-symbol.marks path";
  const names = ({ page }: OpenedPage): Promise<string[]> => page.locator("tbody tr td:first-child").allInnerTexts();

  it("says that there is nothing yet, for no packets", async () => {
    const { page, problems } = await browser.open(renderPage(sampleModel([])));
    expect(await page.locator("main").innerText()).toContain("There is nothing to show yet");
    expect(problems).toEqual([]);
  });

  it("draws one point, selects it, and shows that there is nothing to dominate it", async () => {
    const { page, problems } = await browser.open(
      renderPage(sampleModel([samplePoint(0, { throughput: 5, accuracy: 0.5 })])),
    );
    expect(await page.locator(`#frontier-chart ${marks}`).count()).toBe(1);
    expect(await page.locator("#detail").innerText()).toContain("On the frontier of Throughput and Accuracy");
    expect(problems).toEqual([]);
  });

  it("draws 2,000 points, keeping those that no chart can show in a list", async () => {
    const points = manyPoints(2_000);
    const shown = points.filter(({ figures }) => figures["accuracy"]?.value !== null).length;
    const { page, problems } = await browser.open(renderPage(sampleModel(points)));
    expect(await page.locator(`#frontier-chart ${marks}`).count()).toBe(shown);
    expect(await page.locator(".missing").first().innerText()).toContain(
      `${2_000 - shown} points are not on this chart`,
    );
    expect(await page.locator("tbody tr").count()).toBe(2_000);
    await page.getByRole("button", { name: "Throughput" }).click();
    await page.getByRole("searchbox").fill("stress heads 16");
    const left = points.filter(({ name }) => name.includes("stress") && name.includes("heads") && name.includes("16"));
    expect(await page.locator("tbody tr").count()).toBe(left.length);
    expect(problems).toEqual([]);
  });

  it("draws nothing at zero where an axis has no values, and says why", async () => {
    const { page, problems } = await browser.open(renderPage(sampleModel([samplePoint(0, {}), samplePoint(1, {})])));
    expect(await page.locator(marks).count()).toBe(0);
    expect(await page.locator(".notice").innerText()).toContain("No point has a value on both axes");
    expect(await page.locator(".missing").first().innerText()).toContain("nobody measured the throughput");
    expect(problems).toEqual([]);
  });

  it("tells at a point what it is and by whom it is dominated", async () => {
    const { page, problems } = await browser.open(renderPage(three));
    await page.locator(`#frontier-chart ${marks}[aria-label="beaten"]`).hover();
    const tip = page.locator("#frontier-chart .tip");
    expect(await tip.isVisible()).toBe(true);
    const text = await tip.innerText();
    expect(text).toContain("beaten");
    expect(text).toMatch(
      /Dominated by .*slow.*: better on Throughput \(100 against 90\) and Accuracy \(90% against 30%\)/,
    );
    await page.mouse.move(2, 2);
    expect(await tip.isVisible()).toBe(false);
    expect(problems).toEqual([]);
  });

  it("shows the interval of a point as a bar, and only where there is one", async () => {
    const { page } = await browser.open(renderPage(three));
    expect(await page.locator("#frontier-chart .mark-rule.bars-y line").count()).toBe(1);
    expect(await page.locator("#frontier-chart .mark-rule.bars-x line").count()).toBe(0);
  });

  it("shows the detail of a point that is clicked, with its steps and gates", async () => {
    const points = manyPoints(3).map((point, id) => ({
      ...point,
      name: `run ${id}`,
      figures: three.points[id]!.figures,
    }));
    const { page, problems } = await browser.open(renderPage(sampleModel(points)));
    await page.locator(`#frontier-chart ${marks}[aria-label="run 1"]`).click();
    const detail = page.locator("#detail");
    expect(await detail.locator("h2").innerText()).toBe("run 1");
    expect(await detail.locator(".trace svg .mark-line path").count()).toBe(1);
    expect(await detail.innerText()).toMatch(/heartbeat_stall\s+cannot_fire/);
    expect(await page.locator('tbody tr[aria-selected="true"] td').first().innerText()).toBe("run 1");
    expect(problems).toEqual([]);
  });

  it("changes the chart with the axes", async () => {
    const { page, problems } = await browser.open(renderPage(three));
    const chart = page.locator("#frontier-chart");
    const before = await chart.locator(".mark-symbol.marks").innerHTML();
    await page.selectOption("#axis-x", "memory");
    expect(await chart.locator(".mark-symbol.marks").innerHTML()).not.toBe(before);
    expect(await chart.innerText()).toContain("Memory reserved");
    await page.selectOption("#axis-y", "cost");
    expect(await chart.locator(marks).count()).toBe(0);
    expect(await page.locator(".missing").first().innerText()).toContain("Cost: nobody measured the cost");
    expect(problems).toEqual([]);
  });

  it("sorts by any column both ways, with missing figures last", async () => {
    const model = sampleModel([...three.points, samplePoint(3, {}, { name: "unmeasured" })]);
    const opened = await browser.open(renderPage(model));
    const header = opened.page.locator("th", { hasText: "Throughput" });
    expect(await header.getAttribute("aria-sort")).toBe("none");
    await header.locator("button").click();
    expect(await header.getAttribute("aria-sort")).toBe("descending");
    expect(await names(opened)).toEqual(["fast", "slow", "beaten", "unmeasured"]);
    await header.locator("button").press("Enter");
    expect(await header.getAttribute("aria-sort")).toBe("ascending");
    expect(await names(opened)).toEqual(["beaten", "slow", "fast", "unmeasured"]);
  });

  it("gives points that the data do not tell apart the same range of places", async () => {
    const near = (id: number, accuracy: number) =>
      samplePoint(id, {
        throughput: 1,
        accuracy: { value: accuracy, interval: { low: accuracy - 0.05, high: accuracy + 0.05 } },
      });
    const { page } = await browser.open(renderPage(sampleModel([near(0, 0.9), near(1, 0.88), near(2, 0.5)])));
    expect(await page.locator("tbody tr td:nth-child(5)").allTextContents()).toEqual(["1–2", "1–2", "3"]);
  });

  it("can be used with the keyboard alone", async () => {
    const { page, problems } = await browser.open(renderPage(three));
    const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.id ?? "");
    const stops: string[] = [];
    for (let i = 0; i < 6; i++) {
      await page.keyboard.press("Tab");
      stops.push(await focused());
    }
    expect(stops).toEqual(["theme", "axis-x", "log-x", "axis-y", "log-y", "frontier-chart"]);
    await page.keyboard.press("Home");
    expect(await page.locator("#frontier-chart .tip").innerText()).toContain("beaten");
    await page.keyboard.press("Enter");
    expect(await page.locator("#detail h2").innerText()).toBe("beaten");
    const ring = await page.locator("#frontier-chart").evaluate((host) => getComputedStyle(host).outlineStyle);
    expect(ring).toBe("solid");
    await page.locator("tbody tr[tabindex='0']").focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    expect(await page.locator("#detail h2").innerText()).toBe("fast");
    expect(problems).toEqual([]);
  });

  it("follows the system's dark mode, and the choice made on the page over it", async () => {
    const { page, problems } = await browser.open(renderPage(three), { dark: true });
    const surface = (): Promise<string> =>
      page.locator("#frontier-chart svg").evaluate((svg) => getComputedStyle(svg).backgroundColor);
    expect(await surface()).toBe("rgb(23, 27, 32)");
    await page.selectOption("#theme", "light");
    expect(await surface()).toBe("rgb(255, 255, 255)");
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(245, 246, 248)");
    expect(problems).toEqual([]);
  });

  it("fits a narrow screen without scrolling sideways", async () => {
    const { page } = await browser.open(renderPage(sampleModel(manyPoints(30))), { width_px: 360 });
    const [needed, there] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth] as const);
    expect(needed).toBeLessThanOrEqual(there);
  });

  it("shows hostile names as they are, and runs nothing in them", async () => {
    const hostile = [
      `</script><script>alert(1)</script>`,
      `<img src=x onerror=alert(2)>`,
      `"><b>bold</b><!--`,
      `'; alert(3); //`,
      "line\u2028break\u2029end",
      "\u202etxt.exe",
      "${alert(4)} $& {{x}}",
    ];
    const points = hostile.map((name, id) =>
      samplePoint(
        id,
        { throughput: id + 1, accuracy: { value: 0.5 } },
        { name, tier: name, fail_reasons: [name], facts: [[name, name]], unrankable_reasons: [name] },
      ),
    );
    const opened = await browser.open(renderPage(sampleModel(points, { title: hostile[0]! })));
    const { page, problems } = opened;
    expect(await page.title()).toBe(hostile[0]);
    expect(await page.locator("tbody tr td:first-child bdi").allTextContents()).toEqual(hostile);
    await page.locator("tbody tr").nth(1).click();
    expect(await page.locator("#detail h2").textContent()).toBe(hostile[1]);
    await page.locator(`#frontier-chart ${marks}`).first().hover();
    expect(await page.locator("main img, main script, main b:not(.sums b)").count()).toBe(0);
    expect(problems).toEqual([]);
  });
});
