import { createHash } from "node:crypto";
import { escapeHtml } from "./page-shell.js";
import { pageStyle } from "./page-style.js";

/** A sweep as the first page of a site lists it. */
export interface SiteEntry {
  readonly tag: string;
  /** Where its report is, relative to the first page. */
  readonly href: string;
  readonly generated_utc: string | null;
  readonly packets: number;
  readonly passed: number;
  readonly rankable: number;
}

/** A file a site offers beside its reports. */
export interface SiteDownload {
  readonly href: string;
  readonly label: string;
}

/** The first page of a site: its sweeps with their counts, the charts over all of them, and the data. It has no script. */
export function siteIndex(input: {
  readonly title: string;
  readonly entries: readonly SiteEntry[];
  readonly downloads: readonly SiteDownload[];
  /** Pictures to show, in this order. */
  readonly pictures: readonly SiteDownload[];
}): string {
  const { title, entries, downloads, pictures } = input;
  const hash = createHash("sha256").update(pageStyle).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; img-src 'self' file:; base-uri 'none'; form-action 'none'`;
  const rows = entries.map(
    ({ tag, href, generated_utc, packets, passed, rankable }) =>
      `<tr><td><a href="${escapeHtml(href)}"><bdi>${escapeHtml(tag)}</bdi></a></td><td>${packets}</td><td>${passed}</td>` +
      `<td>${rankable}</td><td class="word">${escapeHtml(generated_utc ?? "not stated")}</td></tr>`,
  );
  const table =
    entries.length === 0
      ? `<p class="quiet">No sweep has been published here yet.</p>`
      : `<div class="scroll"><table><thead><tr><th class="plain" scope="col">Sweep</th><th class="plain" scope="col">Packets</th>` +
        `<th class="plain" scope="col">PASS</th><th class="plain" scope="col">Rankable</th>` +
        `<th class="plain word" scope="col">Newest packet</th></tr></thead><tbody>\n${rows.join("\n")}\n</tbody></table></div>`;
  const images = pictures.map(({ href, label }) => `<p><img src="${escapeHtml(href)}" alt="${escapeHtml(label)}"></p>`);
  const links = downloads.map(({ href, label }) => `<li><a href="${escapeHtml(href)}">${escapeHtml(label)}</a></li>`);
  return `<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<header><div><h1><bdi>${escapeHtml(title)}</bdi></h1></div></header>
<main>
<section><div class="section-head"><h2>Sweeps</h2></div>
${table}
</section>
${images.length === 0 ? "" : `<section class="pictures"><h2>All sweeps together</h2>\n${images.join("\n")}\n</section>\n`}<section><h2>Reports and data</h2>
<ul>
${links.join("\n")}
</ul>
</section>
</main>
</body>
</html>
`;
}
