import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Consumer, createConsumer } from "../../src/consumer.js";
import { mustRun, run } from "../../src/run.js";

const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => run("sh", ["-c", `command -v ${name}`], "/").status === 0,
);
if (chromium === undefined) console.log("skipped: no Chromium on PATH (Debian: apt-get install chromium)");

let consumer: Consumer;
beforeAll(() => {
  consumer = createConsumer("browser", inject("tarballs"));
});
afterAll(() => consumer.remove());

describe.skipIf(chromium === undefined)("a real browser", () => {
  test("computes ids and reports issues from a bundle", async () => {
    const { outputFiles } = await build({
      entryPoints: [join(consumer.dir, "entry.js")],
      bundle: true,
      format: "iife",
      platform: "browser",
      write: false,
    });
    const script = outputFiles[0]?.text ?? "";
    const page = join(consumer.dir, "page.html");
    writeFileSync(
      page,
      `<!doctype html><meta charset="utf-8"><pre id="result"></pre><script>${script}
      document.getElementById("result").textContent = JSON.stringify(globalThis.result);</script>`,
    );
    const profile = join(consumer.dir, "profile");
    const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"];
    const dom = mustRun(
      chromium!,
      [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-sync",
        ...quiet,
        `--user-data-dir=${profile}`,
        "--dump-dom",
        `file://${page}`,
      ],
      consumer.dir,
    );
    const [, text = "null"] = /<pre id="result">(.*?)<\/pre>/s.exec(dom) ?? [];
    expect(JSON.parse(text.replaceAll("&quot;", '"'))).toMatchObject({
      ids: { od1_small: "wl_v1_37d4c849bed8", od1_real: "wl_v1_a87a40941a4c", od1_stress: "wl_v1_ab3432401162" },
      codes: expect.arrayContaining(["not_an_integer", "missing_key"]) as string[],
      median_s: 3,
    });
  });
});
