import { readJsonText } from "@vrx/ant-ratio";
import type { JsonValue } from "@vrx/objective-contract";
import { prettyJson } from "@vrx/objective-contract";
import { DocumentFields, type DocumentIssue } from "../document-fields.js";
import { CAPACITY_MODEL_SCHEMA, type CapacityCombo, type CapacityModel, type FitPoint } from "./capacity-model.js";
import { comboKey } from "./combo-key.js";

export type CapacityModelRead =
  | { readonly status: "ok"; readonly model: CapacityModel }
  | { readonly status: "invalid"; readonly issues: readonly DocumentIssue[] };

const MODEL_KEYS = [
  "schema_version",
  "guard_basis",
  "guard_ratio",
  "safe_start_ratio",
  "track",
  "calibrated_on",
  "overhead_bytes",
  "measure_steps",
  "runs_root",
  "notes",
  "combos",
];
const TRACK_KEYS = ["out_dim", "precision", "amp"];
const DEVICE_KEYS = ["gpu_name", "total_vram_bytes", "driver_version", "torch_version", "os"];
const COMBO_KEYS = [
  "combo_name",
  "combo_key",
  "combo_spec_no_batch",
  "ant_path",
  "colony_path",
  "base_alloc_bytes",
  "per_batch_alloc_bytes",
  "measured_max_batch",
  "boundary_fail_batch",
  "boundary_fail_reasons",
  "fit_points",
  "pass_runs",
];

/**
 * Reads a capacity model strictly: every problem at once, each with its place. Beyond the types it checks that a
 * combination has the key of its spec, that no key comes twice, and that a slope is above 0.
 */
export function readCapacityModel(text: string): CapacityModelRead {
  const json = readJsonText(text);
  if (json.status === "invalid") {
    const { line, column, message } = json.issue;
    const at = `line ${line}, column ${column}: ${message}`;
    return { status: "invalid", issues: [{ pointer: "", expected: "JSON", found: "", message: at }] };
  }
  const issues: DocumentIssue[] = [];
  const model = modelOf(new DocumentFields(json.json, "", issues));
  return issues.length === 0 ? { status: "ok", model } : { status: "invalid", issues };
}

/** The text of a capacity model: keys sorted, ASCII, a final newline; `readCapacityModel` gives the same model back. */
export function capacityModelText(model: CapacityModel): string {
  return prettyJson(JSON.parse(JSON.stringify(model)) as JsonValue);
}

function modelOf(fields: DocumentFields): CapacityModel {
  fields.only(MODEL_KEYS);
  const guard_ratio = fields.number("guard_ratio", 0, 1);
  const track = fields.object("track");
  track.only(TRACK_KEYS);
  const device = fields.object("calibrated_on");
  device.only(DEVICE_KEYS);
  const seen = new Set<string>();
  return {
    schema_version: fields.word("schema_version", [CAPACITY_MODEL_SCHEMA]),
    guard_basis: fields.word("guard_basis", ["reserved"]),
    guard_ratio,
    safe_start_ratio: fields.number("safe_start_ratio", 0, guard_ratio),
    track: {
      out_dim: track.count("out_dim", 1),
      precision: track.text("precision"),
      amp: track.count("amp"),
    },
    calibrated_on: {
      gpu_name: device.nullable("gpu_name", (key) => device.text(key)),
      total_vram_bytes: device.count("total_vram_bytes", 1),
      driver_version: device.nullable("driver_version", (key) => device.text(key)),
      torch_version: device.nullable("torch_version", (key) => device.text(key)),
      os: device.nullable("os", (key) => device.text(key)),
    },
    overhead_bytes: fields.count("overhead_bytes"),
    measure_steps: fields.count("measure_steps", 1),
    runs_root: fields.text("runs_root"),
    notes: fields.texts("notes"),
    combos: fields.list("combos", (value, pointer) => comboOf(new DocumentFields(value, pointer, fields.issues), seen)),
  };
}

function comboOf(fields: DocumentFields, seen: Set<string>): CapacityCombo {
  fields.only(COMBO_KEYS);
  const combo_spec_no_batch = fields.json("combo_spec_no_batch");
  const key = fields.text("combo_key");
  if (fields.raw("combo_spec_no_batch") !== undefined && key !== comboKey(combo_spec_no_batch)) {
    fields.bad("combo_key", `the key of its spec, ${comboKey(combo_spec_no_batch)}`, key);
  }
  if (seen.has(key)) fields.bad("combo_key", "a key that no other combination has", key);
  seen.add(key);
  const points = (name: string): readonly FitPoint[] =>
    fields.list(name, (value, pointer) => pointOf(new DocumentFields(value, pointer, fields.issues)));
  const base = fields.nullable("base_alloc_bytes", (name) => fields.number(name, -Number.MAX_SAFE_INTEGER));
  const slope = fields.nullable("per_batch_alloc_bytes", (name) => fields.count(name, 1));
  if ((base === null) !== (slope === null)) {
    fields.bad("per_batch_alloc_bytes", `${base === null ? "null" : "a number"}, as base_alloc_bytes`, null);
  }
  return {
    combo_name: fields.text("combo_name"),
    combo_key: key,
    combo_spec_no_batch,
    ant_path: fields.nullable("ant_path", (name) => fields.text(name)),
    colony_path: fields.nullable("colony_path", (name) => fields.text(name)),
    base_alloc_bytes: base,
    per_batch_alloc_bytes: slope,
    measured_max_batch: fields.nullable("measured_max_batch", (name) => fields.count(name, 1)),
    boundary_fail_batch: fields.nullable("boundary_fail_batch", (name) => fields.count(name, 1)),
    boundary_fail_reasons: fields.nullable("boundary_fail_reasons", (name) => fields.texts(name)),
    fit_points: points("fit_points"),
    pass_runs: points("pass_runs"),
  };
}

function pointOf(fields: DocumentFields): FitPoint {
  fields.only(["batch", "alloc", "reserved", "run_dir"]);
  return {
    batch: fields.count("batch", 1),
    alloc: fields.count("alloc"),
    reserved: fields.count("reserved"),
    run_dir: fields.text("run_dir"),
  };
}
