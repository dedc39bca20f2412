import { relative, sep } from "node:path";
import { readJsonText } from "@vrx/ant-ratio";
import { type JsonValue, prettyJson } from "@vrx/objective-contract";
import { DocumentFields, type DocumentIssue } from "../document-fields.js";
import type { BatchSearch } from "./search-batch.js";

/** The schema of a file of batch targets. */
export const BATCH_TARGETS_SCHEMA = "ant_ratio_batch_targets_v0";

/** Which batch a configuration is to be run with, and how that was found. */
export interface BatchTarget {
  readonly ant_tier: string;
  readonly colony: string;
  readonly expert_heads: number;
  readonly precision: string;
  readonly amp: number;
  readonly target_ratio: number;
  readonly accept_band: readonly [number, number];
  /** Which share `chosen_ratio` is; rows of the format's first tool have none, and mean `vram_ratio_reserved`. */
  readonly ratio_key: "vram_ratio_reserved" | "memory_budget_ratio";
  /** Null where no batch passed, or none is usable. */
  readonly chosen_batch: number | null;
  readonly chosen_ratio: number | null;
  readonly chosen_run_root: string | null;
  readonly boundary_fail_batch: number | null;
  readonly boundary_fail_run_root: string | null;
  readonly unusable: boolean;
  readonly notes: readonly string[];
}

/** `ant_ratio_batch_targets_v0.json` */
export interface BatchTargets {
  readonly schema_version: typeof BATCH_TARGETS_SCHEMA;
  readonly generated_utc: string;
  readonly out_root: string;
  readonly rows: readonly BatchTarget[];
}

/** What of a row does not follow from its search. */
export type BatchTargetFacts = Pick<
  BatchTarget,
  "ant_tier" | "colony" | "expert_heads" | "precision" | "amp" | "ratio_key"
>;

/**
 * The row of a search. A search that was broken off or found no passing batch with a share is unusable, and says why.
 * Run directories are named relative to `out_root`, so that the folder can be moved.
 */
export function batchTarget(facts: BatchTargetFacts, search: BatchSearch, out_root = "."): BatchTarget {
  const runOf = (batch: number | null): string | null => {
    const dir = search.observations.findLast((one) => one.batch === batch)?.run_dir ?? null;
    return dir === null ? null : relative(out_root, dir).split(sep).join("/");
  };
  const unusable = search.batch === null || search.ratio === null || ["cancelled", "error"].includes(search.status);
  return {
    ...facts,
    target_ratio: search.target_ratio,
    accept_band: search.band,
    chosen_batch: unusable ? null : search.batch,
    chosen_ratio: search.ratio,
    chosen_run_root: runOf(search.batch),
    boundary_fail_batch: search.boundary_batch,
    boundary_fail_run_root: runOf(search.boundary_batch),
    unusable,
    notes: [...(search.status === "in_band" ? [] : [`${search.status}: ${search.reason}`]), ...search.notes],
  };
}

/** The text of the file: keys sorted, ASCII, a final newline. */
export function batchTargetsText(targets: BatchTargets): string {
  return prettyJson(JSON.parse(JSON.stringify(targets)) as JsonValue);
}

export type BatchTargetsRead =
  | { readonly status: "ok"; readonly targets: BatchTargets }
  | { readonly status: "invalid"; readonly issues: readonly DocumentIssue[] };

const ROW_KEYS = [
  "ant_tier",
  "colony",
  "expert_heads",
  "precision",
  "amp",
  "target_ratio",
  "accept_band",
  "ratio_key",
  "chosen_batch",
  "chosen_ratio",
  "chosen_run_root",
  "boundary_fail_batch",
  "boundary_fail_run_root",
  "unusable",
  "notes",
];

/** Reads a file of batch targets strictly, all problems at once; also one of the format's first tool. */
export function readBatchTargets(text: string): BatchTargetsRead {
  const json = readJsonText(text);
  if (json.status === "invalid") {
    const { line, column, message } = json.issue;
    const at = `line ${line}, column ${column}: ${message}`;
    return { status: "invalid", issues: [{ pointer: "", expected: "JSON", found: "", message: at }] };
  }
  const issues: DocumentIssue[] = [];
  const fields = new DocumentFields(json.json, "", issues);
  fields.only(["schema_version", "generated_utc", "out_root", "rows"]);
  const targets: BatchTargets = {
    schema_version: fields.word("schema_version", [BATCH_TARGETS_SCHEMA]),
    generated_utc: fields.text("generated_utc"),
    out_root: fields.text("out_root"),
    rows: fields.list("rows", (value, pointer) => rowOf(new DocumentFields(value, pointer, issues))),
  };
  return issues.length === 0 ? { status: "ok", targets } : { status: "invalid", issues };
}

function rowOf(fields: DocumentFields): BatchTarget {
  fields.only(ROW_KEYS);
  const band = fields.list("accept_band", (value) => value);
  const [low, high] = band;
  const isBand = band.length === 2 && typeof low === "number" && typeof high === "number" && low <= high;
  const unusable = fields.flag("unusable");
  const chosen_batch = fields.nullable("chosen_batch", (key) => fields.count(key, 1));
  if (!unusable && chosen_batch === null) fields.bad("chosen_batch", "a batch, in a row that is usable", null);
  return {
    ant_tier: fields.text("ant_tier"),
    colony: fields.text("colony"),
    expert_heads: fields.count("expert_heads", 1),
    precision: fields.text("precision"),
    amp: fields.count("amp"),
    target_ratio: fields.number("target_ratio", 0, 1),
    accept_band: isBand ? [low, high] : fields.bad("accept_band", "two numbers, the lower one first", [0, 1]),
    ratio_key:
      fields.raw("ratio_key") === undefined
        ? "vram_ratio_reserved"
        : fields.word("ratio_key", ["vram_ratio_reserved", "memory_budget_ratio"]),
    chosen_batch,
    chosen_ratio: fields.nullable("chosen_ratio", (key) => fields.number(key, 0)),
    chosen_run_root: fields.nullable("chosen_run_root", (key) => fields.text(key)),
    boundary_fail_batch: fields.nullable("boundary_fail_batch", (key) => fields.count(key, 1)),
    boundary_fail_run_root: fields.nullable("boundary_fail_run_root", (key) => fields.text(key)),
    unusable,
    notes: fields.texts("notes"),
  };
}
