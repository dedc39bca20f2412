import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type Page, chromium } from "playwright-core";

/** Where Debian and most others install it. */
export const CHROMIUM = "/usr/bin/chromium";

/** Why these tests cannot run here; null when they can. Said once, where the skipping can be seen. */
export function whyNoBrowser(): string | null {
  const why = existsSync(CHROMIUM) ? null : `no Chromium at ${CHROMIUM}`;
  if (why !== null) console.log(`skipped: ${why}`);
  return why;
}

/** A page of a report, opened from a file, and everything it complained about or asked of a network. */
export interface OpenedPage {
  readonly page: Page;
  readonly problems: readonly string[];
}

/** One browser for the tests of a file. */
export interface TestBrowser {
  open(html: string, options?: { readonly dark?: boolean; readonly width_px?: number }): Promise<OpenedPage>;
  /** Opens a page that is there already. */
  go(url: string, options?: { readonly dark?: boolean; readonly width_px?: number }): Promise<OpenedPage>;
  close(): Promise<void>;
}

export async function startBrowser(): Promise<TestBrowser> {
  const folder = mkdtempSync(join(tmpdir(), "vrx-report-"));
  const browser: Browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  let opened = 0;
  const go: TestBrowser["go"] = async (url, { dark = false, width_px = 1280 } = {}) => {
    const context = await browser.newContext({
      viewport: { width: width_px, height: 900 },
      colorScheme: dark ? "dark" : "light",
    });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on("console", (message) => problems.push(`console ${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => {
      problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      if (request.url() !== url) problems.push(`request: ${request.url().slice(0, 200)}`);
    });
    await page.goto(url);
    return { page, problems };
  };
  return {
    go,
    open(html, options) {
      const file = join(folder, `${opened++}.html`);
      writeFileSync(file, html);
      return go(pathToFileURL(file).href, options);
    },
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
