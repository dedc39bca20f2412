import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

/** Files that say something of runs, by what they are. */
export interface FoundArtifacts {
  /** Folders with any artifact of a run, and which of `RUN_DOCUMENTS` are there. */
  readonly runs: readonly { readonly dir: string; readonly documents: readonly string[] }[];
  readonly samples: readonly string[];
  readonly packets: readonly string[];
  /** `report.json` of capability runs. */
  readonly reports: readonly string[];
  /** `result.json` of published trials. */
  readonly trials: readonly string[];
}

/** The artifacts of a run that are JSON. */
export const RUN_DOCUMENTS = ["metrics.json", "run_cmd.txt", "env.json"] as const;

/** Deeper than any folder of ours. */
const MAX_DEPTH = 12;

/** What a store keeps that is no result. */
const NO_RESULTS: ReadonlySet<string> = new Set(["attempts", "superseded", "damaged", "claims", "plans"]);

/** Everything below these folders, and files of packets named themselves. Links are not followed. Rejects where one is not there. */
export async function findArtifacts(places: readonly string[]): Promise<FoundArtifacts> {
  const runs: FoundArtifacts["runs"][number][] = [];
  const found: Record<Exclude<keyof FoundArtifacts, "runs">, string[]> = {
    samples: [],
    packets: [],
    reports: [],
    trials: [],
  };
  const seen = new Set<string>();
  const walk = async (folder: string, depth: number): Promise<void> => {
    if (seen.has(folder)) return;
    seen.add(folder);
    const entries = await readdir(folder, { withFileTypes: true });
    const names = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
    const documents = RUN_DOCUMENTS.filter((name) => names.has(name));
    if (documents.length > 0) runs.push({ dir: folder, documents });
    if (names.has("samples.jsonl")) found.samples.push(join(folder, "samples.jsonl"));
    if (names.has("packets.jsonl")) found.packets.push(join(folder, "packets.jsonl"));
    if (names.has("report.json")) found.reports.push(join(folder, "report.json"));
    if (names.has("result.json")) found.trials.push(join(folder, "result.json"));
    const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
    const isStore = folders.some(({ name }) => name === "journal") && folders.some(({ name }) => name === "results");
    if (depth >= MAX_DEPTH) return;
    for (const { name } of folders.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (!isStore || !NO_RESULTS.has(name)) await walk(join(folder, name), depth + 1);
    }
  };
  for (const place of places.map((one) => resolve(one))) {
    if (!(await stat(place)).isFile()) await walk(place, 0);
    else if (!found.packets.includes(place)) found.packets.push(place);
  }
  return { runs, ...found };
}
