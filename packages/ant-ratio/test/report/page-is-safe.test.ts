import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeHtml, scriptJson } from "../../src/report/page-shell.js";
import { renderPage } from "../../src/report/render-page.js";
import { manyPoints, sampleModel, samplePoint } from "./sample-model.js";

/** Pieces that end a script, open a comment, break a line of an old parser or turn the text around. */
const hostilePiece = fc.constantFrom(
  "</script>",
  "<script>",
  "<!--",
  "-->",
  "]]>",
  '"',
  "'",
  "&",
  "\\",
  "\u2028",
  "\u2029",
  "\u202e",
  "\u0000",
  "\ud800",
  "\n",
  "${x}",
  "$&",
  "</title>",
);
const hostileText = fc.array(fc.oneof(hostilePiece, fc.string()), { maxLength: 8 }).map((pieces) => pieces.join(""));

describe("a page", () => {
  it("keeps hostile names as data", () => {
    fc.assert(
      fc.property(hostileText, (name) => {
        const text = scriptJson({ name });
        expect(text).not.toMatch(/[<>&\u2028\u2029]/);
        expect(JSON.parse(text)).toEqual({ name });
      }),
    );
  });

  it("says any title in its markup without becoming markup", () => {
    fc.assert(
      fc.property(hostileText, (title) => {
        const html = renderPage(sampleModel([], { title }));
        const heading = /<h1><bdi>(.*?)<\/bdi><\/h1>/s.exec(html)?.[1];
        expect(heading).toBe(escapeHtml(title));
        expect(heading).not.toMatch(/[<>"']/);
        // One model and one script, whatever was in the names.
        expect(html.match(/<\/script>/gi)).toHaveLength(2);
        expect(html.match(/<script[ >]/gi)).toHaveLength(2);
      }),
      { numRuns: 50 },
    );
  });

  it("is the same bytes for the same packets", () => {
    const model = sampleModel(manyPoints(50));
    expect(renderPage(model) === renderPage(structuredClone(model))).toBe(true);
  });

  it("is smaller than 2 MB without its data, and names nothing on a network", () => {
    const html = renderPage(sampleModel([]));
    expect(html.length).toBeLessThan(2_000_000);
    const markup = html.replace(/<script[ >].*?<\/script>/gs, "");
    expect(markup).toContain("default-src 'none'");
    expect(markup).not.toMatch(/\s(?:src|href)\s*=|<link|@import|url\(/);
  });

  it("carries the licences of what is in it", () => {
    const html = renderPage(sampleModel([samplePoint(0, {})]));
    expect(/vega 6\.\d/.test(html) && html.includes("Redistributions in binary form")).toBe(true);
  });
});
