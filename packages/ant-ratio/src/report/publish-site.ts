import { createHash } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { JsonObject } from "@vrx/objective-contract";
import { AntRatioError, isAntRatioError } from "../errors.js";
import type { AntRatioPacket } from "../packet.js";
import { checkPacket } from "../read-packet.js";
import { writeWhole } from "./atomic-files.js";
import { buildReportModel } from "./build-report-model.js";
import { type ChartName, charts, pictureSpec } from "./chart-picture.js";
import { renderPage } from "./render-page.js";
import { reportCsv } from "./report-csv.js";
import type { ReportModel } from "./report-model.js";
import { siteIndex } from "./site-index.js";
import { type SiteRow, mergeRows, publicPackets, readRows, rowsText } from "./site-rows.js";
import { pngOf, svgOf } from "./svg.js";

/** One sweep to publish. */
export interface SiteSource {
  /** What the sweep is called; no two sources may have one name. */
  readonly tag: string;
  readonly packets: readonly AntRatioPacket[];
}

export interface PublishOptions {
  /** What the site is called; default `Cost against capability`. */
  readonly title?: string;
  /** Publish packets as they are, with paths, host names and the texts of errors; by default they are left out. */
  readonly as_is?: boolean;
  /** False leaves the pictures out; by default they are left out only where vega or @resvg/resvg-js is not installed. */
  readonly pictures?: boolean;
}

/** What a site has after publishing. */
export interface PublishedSite {
  /** Every file of the site, relative to its folder, by name. */
  readonly files: readonly string[];
  /** Those whose bytes changed. */
  readonly written: readonly string[];
  readonly sweeps: number;
  readonly packets: number;
  /** Why there are no pictures; null where there are. */
  readonly no_pictures: string | null;
}

const dataFile = "packets.jsonl";
const listFile = "site.json";

/**
 * Puts sweeps into one folder that can be served as it is: a first page, a report of each sweep and of all together, their
 * charts, and the figures as CSV and JSON lines. Only figures, settings and identities are published unless `as_is`;
 * what nobody measured is null or an empty cell. Sweeps that were published there before stay; one of the same name is
 * replaced. The same sweeps give the same bytes, and a file whose bytes are the same is not touched. Each file appears
 * whole or not at all, the first page last. Rejects with `invalid_argument` for two sources of one name or a name
 * without a letter, and with `read_failed` where the folder's data are not what this function wrote.
 */
export async function publishSite(
  sources: readonly SiteSource[],
  dir: string,
  options: PublishOptions = {},
): Promise<PublishedSite> {
  const { title = "Cost against capability", as_is = false } = options;
  checkTags(sources);
  const there = await rowsThere(join(dir, dataFile));
  const added = sources.flatMap(({ tag, packets }) => {
    const shown = as_is ? packets.map(asJson) : publicPackets(packets.map(asJson));
    return shown.map((packet): SiteRow => ({ run_tag: tag, packet }));
  });
  const rows = mergeRows(
    there,
    added,
    sources.map(({ tag }) => tag),
  );
  const files = new Map<string, string | Uint8Array>([[dataFile, rowsText(rows)]]);

  const all = modelOf(rows, title, true);
  files.set("points.csv", reportCsv(all));
  files.set("all.html", renderPage(all));
  const tags = [...new Set(rows.map(({ run_tag }) => run_tag))];
  const entries = tags.map((tag) => {
    const own = modelOf(
      rows.filter(({ run_tag }) => run_tag === tag),
      tag,
      false,
    );
    const href = `sweeps/${fileName(tag)}.html`;
    files.set(href, renderPage(own));
    return {
      tag,
      href,
      generated_utc: own.generated_utc,
      packets: own.points.length,
      passed: own.points.filter(({ verdict }) => verdict === "pass").length,
      rankable: own.points.filter(({ rankable }) => rankable).length,
    };
  });
  const no_pictures = options.pictures === false ? "they were not asked for" : await addPictures(files, all);
  const labels: Readonly<Record<ChartName, string>> = {
    frontier: "The frontier of all sweeps",
    speed: "Speed against memory, all sweeps",
  };
  const index = siteIndex({
    title,
    entries,
    pictures: no_pictures === null ? charts.map((chart) => ({ href: `${chart}.svg`, label: labels[chart] })) : [],
    downloads: [
      { href: "all.html", label: "Report of all sweeps" },
      { href: "points.csv", label: "Figures of all points (CSV)" },
      { href: dataFile, label: "Packets of all sweeps (JSON lines)" },
      ...(no_pictures === null
        ? charts.map((chart) => ({ href: `${chart}.png`, label: `${labels[chart]} (PNG)` }))
        : []),
    ],
  });
  return { ...(await write(dir, files, index)), sweeps: tags.length, packets: rows.length, no_pictures };
}

function checkTags(sources: readonly SiteSource[]): void {
  const seen = new Set<string>();
  for (const { tag } of sources) {
    if (!/[\p{L}\p{N}]/u.test(tag)) {
      throw new AntRatioError("invalid_argument", `expected a sweep with a name, found ${JSON.stringify(tag)}`);
    }
    if (seen.has(tag)) {
      throw new AntRatioError(
        "invalid_argument",
        `two sweeps are called ${JSON.stringify(tag)}: publish one of them, or give them different names`,
      );
    }
    seen.add(tag);
  }
}

async function rowsThere(path: string): Promise<readonly SiteRow[]> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (isMissing(error)) return "";
    throw new AntRatioError("read_failed", `cannot read ${path}: ${String(error)}`, { cause: error });
  });
  const { rows, bad_line } = readRows(text);
  if (bad_line === null) return rows;
  throw new AntRatioError(
    "read_failed",
    `${path}:${bad_line}: expected a published packet, found something else: publish into another folder, or mend the file`,
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function modelOf(rows: readonly SiteRow[], title: string, severalSweeps: boolean): ReportModel {
  const packets = rows.map(({ packet }) => packetOf(packet));
  const sources = new Map(packets.map((packet, i) => [packet, rows[i]?.run_tag ?? ""]));
  return buildReportModel(packets, severalSweeps ? { title, sources } : { title });
}

/** Draws every chart into `files`; says why where the packages for it are not installed. */
async function addPictures(files: Map<string, string | Uint8Array>, model: ReportModel): Promise<string | null> {
  const drawn: [string, string | Uint8Array][] = [];
  try {
    for (const chart of charts) {
      const svg = await svgOf(pictureSpec(model, chart));
      drawn.push([`${chart}.svg`, svg], [`${chart}.png`, await pngOf(svg, { zoom: 2 })]);
    }
  } catch (error) {
    if (isAntRatioError(error) && error.code === "missing_peer") return error.message;
    throw error;
  }
  for (const [name, content] of drawn) files.set(name, content);
  return null;
}

/** Writes what has changed, takes away what an earlier publishing left and nobody needs, and writes the first page last. */
async function write(
  dir: string,
  files: ReadonlyMap<string, string | Uint8Array>,
  index: string,
): Promise<Pick<PublishedSite, "files" | "written">> {
  const names = [...files.keys(), "index.html", listFile].sort();
  try {
    await mkdir(dir, { recursive: true });
    const before = await listThere(join(dir, listFile));
    const written: string[] = [];
    const list = `${JSON.stringify({ schema_version: "vrx_site_v1", files: names }, null, 2)}\n`;
    for (const [name, content] of [...files, ["index.html", index] as const, [listFile, list] as const]) {
      if (await writeWhole(join(dir, name), content)) written.push(name);
    }
    for (const name of before.filter((one) => !names.includes(one))) await rm(join(dir, name), { force: true });
    return { files: names, written };
  } catch (error) {
    throw new AntRatioError("write_failed", `cannot write the site ${dir}: ${String(error)}`, { cause: error });
  }
}

// Only what this function could have written is ever taken away.
const ownFile = /^(?:[a-z]+\.(?:html|csv|jsonl|svg|png)|sweeps\/[a-z0-9_-]+\.html)$/;

/** The files an earlier publishing listed; none where there is no list. */
async function listThere(path: string): Promise<readonly string[]> {
  const text = await readFile(path, "utf8").catch(() => "{}");
  try {
    const list: unknown = JSON.parse(text);
    if (typeof list !== "object" || list === null || !("files" in list) || !Array.isArray(list.files)) return [];
    return list.files.filter((name) => typeof name === "string" && ownFile.test(name)) as string[];
  } catch {
    return [];
  }
}

/** A file name for a sweep: what can be kept of its name, and enough of a digest that no other sweep has it. */
function fileName(tag: string): string {
  const kept = tag
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 48);
  return `${kept === "" ? "sweep" : kept}-${createHash("sha256").update(tag).digest("hex").slice(0, 8)}`;
}

function asJson(packet: AntRatioPacket): JsonObject {
  return JSON.parse(JSON.stringify(packet)) as JsonObject;
}

/** What was a packet when it was published still is one; anything else was written by someone else. */
function packetOf(packet: JsonObject): AntRatioPacket {
  const read = checkPacket(packet);
  if (read.status === "ok") return read.packet;
  const reasons = read.issues.map(({ message }) => message).join("; ");
  throw new AntRatioError("read_failed", `a published packet is none any more: ${reasons}`);
}
