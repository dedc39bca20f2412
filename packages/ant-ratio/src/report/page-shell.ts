/** What goes into the page's shell; `title` is text, the rest is ready for its place. */
export interface PageParts {
  readonly title: string;
  readonly policy: string;
  readonly style: string;
  /** JSON that is safe inside a script element. */
  readonly model: string;
  readonly script: string;
  readonly licences: string;
}

/** Text as HTML, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/**
 * A value as JSON for a script element: nothing in it can end the element or open a comment, and no character ends a
 * line where an older parser would see one.
 */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The whole page, as one text that needs nothing else. */
export function pageShell({ title, policy, style, model, script, licences }: PageParts): string {
  return `<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<div>
<h1><bdi>${escapeHtml(title)}</bdi></h1>
<p class="quiet small" id="made"></p>
</div>
<label class="field theme">Appearance<select id="theme"><option value="auto">As the system</option><option value="light">Light</option><option value="dark">Dark</option></select></label>
</header>
<main id="main"><noscript><section>This report draws its charts and tables with a script of its own, which is switched off here.</section></noscript></main>
<footer>
<p>How to read it: a filled circle passed its gates and may be ranked; a hollow one passed but may not be ranked, and its detail says why; a cross failed. The dashed line joins the rankable points that no other rankable point beats on both axes. Bars are 95 % intervals. A point without a value on an axis is listed below the chart and drawn nowhere.</p>
<details class="no-print"><summary>Licences of the software in this page</summary><pre>${escapeHtml(licences)}</pre></details>
</footer>
<script type="application/json" id="model">${model}</script>
<script>${script}</script>
</body>
</html>
`;
}
