import type { JsonObject } from "@vrx/objective-contract";
import type { WorkloadSpec } from "@vrx/workload-schema";
import { CAPACITY_MODEL_SCHEMA, type CapacityCombo, type CapacityModel, type FitPoint } from "./capacity-model.js";
import { comboKey, comboSpec } from "./combo-key.js";
import { comboName, sectionPresets } from "./section-presets.js";

/** What a fit takes from one run. */
export interface CapacityRun {
  readonly run_dir: string;
  readonly spec: WorkloadSpec;
  readonly heads: number;
  readonly precision: string;
  readonly amp: boolean;
  readonly measure_steps: number;
  readonly passed: boolean;
  readonly fail_reasons: readonly string[];
  readonly peak_vram_allocated_bytes: number | null;
  readonly peak_vram_reserved_bytes: number | null;
  readonly gpu_name: string | null;
  readonly total_vram_bytes: number | null;
  readonly driver_version: string | null;
  readonly torch_version: string | null;
  readonly os: string | null;
}

export interface FitOptions {
  /** Only runs with so many measured steps count; by default the most that any passing run has. */
  readonly measure_steps?: number;
  readonly guard_ratio?: number;
  readonly safe_start_ratio?: number;
  readonly runs_root?: string;
}

export type CapacityFit =
  | { readonly status: "ok"; readonly model: CapacityModel }
  | { readonly status: "refused"; readonly problems: readonly string[] };

interface Pass extends FitPoint {
  readonly run: CapacityRun;
}

/**
 * Fits a capacity model to runs: per combination a least-squares line through the allocated peaks of all passing runs,
 * and the median of what the allocator holds beyond. Runs that failed give the boundary. All passing runs must be of one
 * precision, one head and one device; everything that keeps the fit from being made is said at once. The order of `runs`
 * does not matter.
 */
export function fitCapacityModel(runs: readonly CapacityRun[], options: FitOptions = {}): CapacityFit {
  const steps = options.measure_steps ?? Math.max(0, ...runs.flatMap((run) => (run.passed ? [run.measure_steps] : [])));
  const counted = [...runs]
    .filter(({ measure_steps }) => measure_steps === steps)
    .sort((a, b) => a.spec.colony_spec.batch_size - b.spec.colony_spec.batch_size || order(a.run_dir, b.run_dir));
  const passes = counted.flatMap((run): readonly Pass[] => {
    const { peak_vram_allocated_bytes: alloc, peak_vram_reserved_bytes: reserved } = run;
    if (!run.passed || alloc === null || reserved === null) return [];
    return [{ batch: run.spec.colony_spec.batch_size, alloc, reserved, run_dir: run.run_dir, run }];
  });
  const first = passes[0]?.run;
  const problems = first === undefined ? [whyNone(runs)] : disagreements(passes);
  if (first === undefined || problems.length > 0 || first.total_vram_bytes === null) {
    return { status: "refused", problems };
  }
  const groups = new Map<string, { readonly combo: JsonObject; readonly runs: CapacityRun[] }>();
  for (const run of counted) {
    if (run.precision !== first.precision || run.amp !== first.amp || run.heads !== first.heads) continue;
    const combo = comboSpec(run.spec, first.precision);
    const group = groups.get(comboKey(combo)) ?? { combo, runs: [] };
    group.runs.push(run);
    groups.set(comboKey(combo), group);
  }
  const combos = [...groups].map(([key, { combo, runs: members }]) => comboOf(key, combo, members, passes));
  return {
    status: "ok",
    model: {
      schema_version: CAPACITY_MODEL_SCHEMA,
      guard_basis: "reserved",
      guard_ratio: options.guard_ratio ?? 0.92,
      safe_start_ratio: options.safe_start_ratio ?? 0.85,
      track: { out_dim: first.heads, precision: first.precision, amp: first.amp ? 1 : 0 },
      calibrated_on: {
        gpu_name: first.gpu_name,
        total_vram_bytes: first.total_vram_bytes,
        driver_version: first.driver_version,
        torch_version: first.torch_version,
        os: first.os,
      },
      overhead_bytes: Math.max(0, Math.round(median(passes.map(({ alloc, reserved }) => reserved - alloc)))),
      measure_steps: steps,
      runs_root: options.runs_root ?? ".",
      notes: [],
      combos: combos.sort((a, b) => order(a.combo_name, b.combo_name) || order(a.combo_key, b.combo_key)),
    },
  };
}

function comboOf(
  combo_key: string,
  combo: JsonObject,
  runs: readonly CapacityRun[],
  passes: readonly Pass[],
): CapacityCombo {
  const points = passes
    .filter(({ run }) => runs.includes(run))
    .map(({ batch, alloc, reserved, run_dir }) => ({ batch, alloc, reserved, run_dir }));
  const line = leastSquares(points);
  const most = points.at(-1)?.batch ?? null;
  const boundary = runs.find((run) => !run.passed && run.spec.colony_spec.batch_size > (most ?? 0));
  const { ant, colony } = sectionPresets(runs[0]?.spec);
  const preset = (name: string | null): string | null => (name === null ? null : `preset:${name}`);
  return {
    combo_name: comboName(runs[0]?.spec),
    combo_key,
    combo_spec_no_batch: combo,
    ant_path: preset(ant),
    colony_path: preset(colony),
    base_alloc_bytes: line?.base ?? null,
    per_batch_alloc_bytes: line?.slope ?? null,
    measured_max_batch: most,
    boundary_fail_batch: boundary?.spec.colony_spec.batch_size ?? null,
    boundary_fail_reasons: boundary?.fail_reasons ?? null,
    fit_points: line === null ? points.slice(0, 1) : points,
    pass_runs: points,
  };
}

/** In whole bytes; null unless two batch sizes were measured and memory grows between them. */
function leastSquares(points: readonly FitPoint[]): { readonly base: number; readonly slope: number } | null {
  const n = points.length;
  const mean = (of: (point: FitPoint) => number): number => points.reduce((sum, point) => sum + of(point), 0) / n;
  const x = mean(({ batch }) => batch);
  const y = mean(({ alloc }) => alloc);
  const spread = points.reduce((sum, { batch }) => sum + (batch - x) ** 2, 0);
  if (n < 2 || spread === 0) return null;
  const slope = Math.round(points.reduce((sum, { batch, alloc }) => sum + (batch - x) * (alloc - y), 0) / spread);
  return slope < 1 ? null : { slope, base: Math.round(y - slope * x) };
}

function whyNone(runs: readonly CapacityRun[]): string {
  if (runs.length === 0) return "there is no run to fit";
  if (!runs.some(({ passed }) => passed)) return `none of ${runs.length} runs passed`;
  return "no passing run says its peaks of allocated and reserved GPU memory: a run on a CPU has none";
}

function disagreements(passes: readonly Pass[]): string[] {
  const facts: Readonly<Record<string, (pass: Pass) => string | number | boolean | null>> = {
    "expert heads": ({ run }) => run.heads,
    precision: ({ run }) => run.precision,
    amp: ({ run }) => run.amp,
    total_vram_bytes: ({ run }) => run.total_vram_bytes,
    gpu_name: ({ run }) => run.gpu_name,
  };
  const problems = Object.entries(facts).flatMap(([fact, of]) => {
    const values = [...new Set(passes.map(of))];
    return values.length > 1 ? [`the runs differ in ${fact}: ${values.map(String).join(", ")}`] : [];
  });
  const first = passes[0]?.run;
  if (first !== undefined && first.heads !== 1) problems.push(`expected runs with 1 expert head, found ${first.heads}`);
  if (first?.total_vram_bytes === null) problems.push("the runs do not say how much memory their GPU has");
  return problems;
}

/** Of an even count the mean of the middle two. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
