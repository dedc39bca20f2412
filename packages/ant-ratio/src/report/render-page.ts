// The declaration travels with its one user, so that packages that compile these sources see it too.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="./page-script.d.ts" />
import { createHash } from "node:crypto";
import { licences, source } from "./page/main.ts?page-script";
import { pageShell, scriptJson } from "./page-shell.js";
import { pageStyle } from "./page-style.js";
import type { ReportModel } from "./report-model.js";

/**
 * A report as one HTML text that needs nothing else: its policy forbids every connection, every frame and every
 * script but its own. The same model gives the same bytes.
 */
export function renderPage(model: ReportModel): string {
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(source)}'`,
    `style-src '${hashOf(pageStyle)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return pageShell({
    title: model.title,
    policy,
    style: pageStyle,
    model: scriptJson(model),
    script: source,
    licences,
  });
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
