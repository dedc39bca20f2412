import { type Theme, darkTheme, lightTheme } from "./charts/theme.js";

/** The style sheet of the page. Colours come from the themes of the charts. */
export const pageStyle = `
:root { ${variables(lightTheme)} --page: #f5f6f8; --raised: #ffffff; --line: #d9dee4; --accent: #0a5fa8; --pass: #0b7a4b; color-scheme: light; }
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) { ${dark()} } }
:root[data-theme="dark"] { ${dark()} }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
main, header, footer { max-width: 78rem; margin-inline: auto; padding-inline: clamp(1rem, 3vw, 2rem); }
header { display: flex; gap: 1rem; align-items: start; justify-content: space-between; padding-block: clamp(1.25rem, 3vw, 2.25rem) 1rem; }
h1 { font-size: clamp(1.35rem, 1.1rem + 1.2vw, 1.9rem); line-height: 1.2; letter-spacing: -0.015em; font-weight: 650; margin: 0; overflow-wrap: anywhere; text-wrap: balance; }
h2 { font-size: 1.12rem; line-height: 1.3; letter-spacing: -0.005em; font-weight: 650; margin: 0; }
h3 { font-size: 0.86rem; font-weight: 650; margin: 1.1rem 0 0.35rem; }
p { margin: 0.35rem 0 0; }
.quiet { color: var(--faint-ink); }
.small { font-size: 0.86rem; }
section { background: var(--raised); border: 1px solid var(--line); border-radius: 10px; padding: clamp(1rem, 2vw, 1.4rem); margin-bottom: 1.1rem; min-width: 0; }
.top { display: grid; grid-template-columns: minmax(0, 1fr) 23rem; gap: 1.1rem; align-items: start; }
.top > aside { position: sticky; top: 1rem; max-height: calc(100vh - 2rem); overflow: auto; margin-bottom: 1.1rem; background: var(--raised); border: 1px solid var(--line); border-radius: 10px; padding: clamp(1rem, 2vw, 1.25rem); }
.sums { display: flex; flex-wrap: wrap; gap: 0.4rem 2rem; margin: 0 0 1.1rem; padding: 0; list-style: none; }
.sums b { font-size: 1.25rem; font-weight: 650; letter-spacing: -0.01em; margin-right: 0.35rem; }
.section-head { display: flex; flex-wrap: wrap; gap: 0.6rem 1.25rem; align-items: end; justify-content: space-between; margin-bottom: 0.75rem; }
.controls { display: flex; flex-wrap: wrap; gap: 0.5rem 0.9rem; align-items: end; }
.axis { display: flex; flex: 1 1 14rem; gap: 0.6rem; align-items: end; min-width: 0; }
.axis .field { flex: 1; min-width: 0; grid-template-columns: minmax(0, 1fr); }
label.field { display: grid; gap: 0.15rem; font-size: 0.8rem; color: var(--faint-ink); }
label.check { display: inline-flex; gap: 0.35rem; align-items: center; font-size: 0.86rem; padding-block: 0.3rem; }
select, input[type="search"], button { font: inherit; font-size: 0.9rem; color: var(--ink); background: var(--raised); border: 1px solid var(--edge); border-radius: 6px; padding: 0.3rem 0.55rem; min-height: 2.1rem; max-width: 100%; }
input[type="search"] { width: 15rem; }
input[type="checkbox"] { accent-color: var(--accent); width: 1rem; height: 1rem; margin: 0; }
button { cursor: pointer; }
button:hover, select:hover { border-color: var(--faint-ink); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.chart { position: relative; width: 100%; border-radius: 6px; }
.chart svg { display: block; max-width: 100%; }
.legend { display: flex; flex-wrap: wrap; gap: 0.35rem 1.1rem; margin: 0.6rem 0 0; padding: 0; list-style: none; font-size: 0.86rem; }
.legend li { display: inline-flex; align-items: center; gap: 0.4rem; }
.legend svg { flex: none; }
.tip { position: absolute; z-index: 2; left: 0; top: 0; pointer-events: none; max-width: min(20rem, 90vw); background: var(--raised); border: 1px solid var(--edge); border-radius: 8px; padding: 0.55rem 0.7rem; font-size: 0.84rem; line-height: 1.42; box-shadow: 0 4px 16px rgb(0 0 0 / 0.16); }
.tip[hidden] { display: none; }
.tip strong, .name { font-weight: 620; overflow-wrap: anywhere; }
.tip dl, .facts { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0.1rem 0.8rem; margin: 0.35rem 0 0; }
.tip dt, .facts dt { color: var(--faint-ink); }
.tip dd, .facts dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
.facts { font-size: 0.86rem; }
.facts dt { overflow-wrap: anywhere; }
.badge { display: inline-flex; align-items: center; gap: 0.3rem; font-size: 0.8rem; font-weight: 620; white-space: nowrap; }
.badge.pass { color: var(--pass); }
.badge.fail { color: var(--fail); }
.notice { border-left: 3px solid var(--edge); padding: 0.1rem 0 0.1rem 0.75rem; margin: 0.75rem 0 0; font-size: 0.88rem; }
.reasons { margin: 0.3rem 0 0; padding-left: 1.1rem; font-size: 0.86rem; }
.reasons li { margin: 0.1rem 0; overflow-wrap: anywhere; }
.scroll { overflow: auto; max-height: min(44rem, 85vh); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: 0.86rem; }
th, td { text-align: right; padding: 0.38rem 0.7rem; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: baseline; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--raised); z-index: 1; min-width: 17rem; max-width: 22rem; white-space: normal; overflow-wrap: anywhere; }
td.word, th.word { text-align: left; }
thead th { position: sticky; top: 0; z-index: 2; background: var(--raised); font-weight: 600; vertical-align: bottom; border-bottom: 1px solid var(--edge); padding: 0; white-space: normal; }
thead th:first-child { z-index: 3; }
thead button { border: 0; background: none; font-weight: 600; font-size: 0.82rem; line-height: 1.25; text-align: inherit; padding: 0.5rem 0.7rem; width: 100%; min-width: 5.5rem; border-radius: 0; }
thead .unit { display: block; font-weight: 400; color: var(--faint-ink); }
thead button::after { content: "\\2195"; opacity: 0.35; padding-left: 0.3rem; }
thead th[aria-sort="ascending"] button::after { content: "\\2191"; opacity: 1; }
thead th[aria-sort="descending"] button::after { content: "\\2193"; opacity: 1; }
tbody tr { cursor: pointer; }
tbody tr:last-child td { border-bottom: 0; }
tbody tr:hover td { background: var(--page); }
tbody tr[aria-selected="true"] td { background: var(--picked); }
tbody tr:focus-visible { outline-offset: -2px; }
th.plain { padding: 0.5rem 0.7rem; }
a { color: var(--accent); text-underline-offset: 2px; }
.pictures img { max-width: 100%; height: auto; border-radius: 6px; }
.swatch { display: inline-block; width: 0.65rem; height: 0.65rem; border-radius: 50%; margin-right: 0.45rem; }
.packet { margin-top: 1.1rem; }
.packet summary { font-size: 0.86rem; font-weight: 650; }
.gates { margin-top: 0.3rem; }
.gates li { margin-bottom: 0.35rem; }
.missing summary, footer summary, .packet summary { cursor: pointer; }
.missing { margin-top: 0.75rem; font-size: 0.88rem; }
.missing > div { max-height: 16rem; overflow: auto; }
.missing button { border: 0; padding: 0; min-height: 0; background: none; color: var(--accent); text-align: left; text-decoration: underline; text-underline-offset: 2px; font-size: inherit; overflow-wrap: anywhere; }
footer { padding-block: 0.5rem 3rem; color: var(--faint-ink); font-size: 0.86rem; }
footer p { max-width: 46rem; }
footer pre { white-space: pre-wrap; font-size: 0.75rem; }
.empty { text-align: center; padding: clamp(2rem, 8vw, 5rem) 1rem; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 62rem) { .top { grid-template-columns: minmax(0, 1fr); } .top > aside { position: static; max-height: none; } }
@media (max-width: 36rem) { section, .top > aside { border-radius: 0; margin-inline: calc(-1 * clamp(1rem, 3vw, 2rem)); border-inline: 0; } th:first-child, td:first-child { min-width: 11rem; max-width: 11rem; } }
@media print {
  body { background: none; font-size: 10pt; }
  section, .top > aside { border: 0; padding: 0; margin-bottom: 1.2rem; break-inside: avoid; }
  section.rows { break-inside: auto; }
  .top { display: block; }
  .top > aside { position: static; max-height: none; }
  .controls, label.theme, .no-print { display: none; }
  thead button::after { content: none; }
  th:first-child, td:first-child { min-width: 0; }
  .scroll { overflow: visible; max-height: none; border: 0; }
  thead th, th:first-child, td:first-child { position: static; }
  th, td { white-space: normal; padding: 0.15rem 0.3rem; }
  thead button { padding: 0.15rem 0.3rem; min-width: 0; }
  table { font-size: 7.5pt; }
  tr { break-inside: avoid; }
}
@media (forced-colors: active) { .swatch { forced-color-adjust: none; } }
`;

function dark(): string {
  return `${variables(darkTheme)} --page: #0f1216; --raised: ${darkTheme.surface}; --line: #2b323a; --accent: #6db8f7; --pass: #4fcf97; color-scheme: dark;`;
}

function variables({ ink, faint_ink, fail, name }: Theme): string {
  const picked = name === "light" ? "#e8f1fa" : "#1d2f40";
  const edge = name === "light" ? "#aab3bd" : "#4a5460";
  return `--ink: ${ink}; --faint-ink: ${faint_ink}; --fail: ${fail}; --picked: ${picked}; --edge: ${edge};`;
}
