import { createEngine, engineSupports } from "@vrx/ring-engine";
import { presets } from "@vrx/workload-schema";
import { HarnessError } from "../errors.js";
import type { CapabilityPlan, ProbePlan, Trial } from "../trial/trial.js";
import { trialOfParts } from "../trial/trial-digest.js";
import { HARNESS_VERSION } from "../version.js";
import { combinationCount, combinations } from "./combinations.js";
import { EXPECTED_BASE } from "./knobs.js";
import { type KnobOf, type PlanParts, type PlannedEngine, type Problems, headsOf, planParts } from "./plan-parts.js";
import type { Knobs, SweepDocument } from "./sweep-document.js";

/** The largest number of combinations of a sweep. */
export const MAX_CONFIGURATIONS = 1_000_000;

/** One combination of a sweep: its trials, or why it cannot be run. */
export interface Configuration {
  /** From 0, in the order of the axes. */
  readonly index: number;
  /** What the axes say of it. */
  readonly labels: Knobs;
  /** Why it cannot be run, in words; empty when it can. It stays in every table as `not_run`. */
  readonly problems: readonly string[];
  /** What it costs; null where there are problems. */
  readonly probe: Trial | null;
  /** What it can learn, one for each seed. */
  readonly capability: readonly Trial[];
}

export interface ExpandOptions {
  /** The engine that trials are planned for, such as one on a fake driver; by default that of the sweep's runner. */
  readonly engine?: PlannedEngine;
}

/** A GPU is needed where trials run, not where they are planned: the login node of a cluster has none. */
const cudaAnywhere: PlannedEngine = {
  kind: "cuda",
  threads: 1,
  options: {},
  supports: (spec, options) => engineSupports("cuda", spec, options),
};

async function engineOf({ runner }: SweepDocument): Promise<PlannedEngine | null> {
  if (!("engine" in runner)) return null;
  const { engine, threads, instruction_set } = runner;
  if (engine === "cuda") return cudaAnywhere;
  return createEngine(engine, {
    ...(threads === undefined ? {} : { threads }),
    ...(instruction_set === undefined ? {} : { instruction_set }),
  });
}

function baseKnobs(base: SweepDocument["base"]): Knobs {
  if (typeof base !== "string") return base;
  const preset = Object.entries(presets).find(([name]) => name === base)?.[1];
  if (preset === undefined) {
    throw new HarnessError("invalid_argument", `base: expected ${EXPECTED_BASE}, found ${JSON.stringify(base)}`);
  }
  return { ...preset.ant_spec, ...preset.colony_spec } as unknown as Knobs;
}

/** Whether a configuration has all of some values. */
function has(knobOf: KnobOf, wanted: Knobs): boolean {
  return Object.entries(wanted).every(([name, value]) => knobOf(name) === value);
}

/**
 * All configurations of a sweep with their trials, in the order of the axes. One that cannot be run (a spec that is
 * wrong, an engine that cannot execute it, a token budget that its batch misses by more than 1 %) is there with its
 * problems. Throws `invalid_argument` for a preset that does not exist and for more than a million combinations.
 */
export async function expandSweep(
  sweep: SweepDocument,
  options: ExpandOptions = {},
): Promise<readonly Configuration[]> {
  const { axes = [], exclude = [], overrides = [] } = sweep;
  const count = combinationCount(axes);
  if (count > MAX_CONFIGURATIONS) {
    throw new HarnessError(
      "invalid_argument",
      `axes: expected at most ${MAX_CONFIGURATIONS} combinations, found ${count}`,
    );
  }
  const engine = "engine" in sweep.runner ? (options.engine ?? (await engineOf(sweep))) : null;
  const base = { ...baseKnobs(sweep.base), ...sweep.set };
  const expansion: Expansion = { sweep, parts: planParts(sweep, engine, base) };
  const configurations: Configuration[] = [];
  for (const labels of combinations(axes)) {
    let knobOf: KnobOf = (name) => labels[name] ?? base[name];
    if (exclude.some((wanted) => has(knobOf, wanted))) continue;
    for (const { when, set } of overrides) {
      const before = knobOf;
      if (has(before, when)) knobOf = (name) => set[name] ?? before(name);
    }
    configurations.push(configurationOf(expansion, { index: configurations.length, labels, knobOf }));
  }
  return configurations;
}

/** What all configurations of a sweep are made with. */
interface Expansion {
  readonly sweep: SweepDocument;
  readonly parts: PlanParts;
}

interface Combination {
  readonly index: number;
  readonly labels: Knobs;
  readonly knobOf: KnobOf;
}

/** One for all that have none: a hundred thousand lists of nothing are a burden on the collector of garbage. */
const none: readonly never[] = [];

function configurationOf({ sweep, parts }: Expansion, { index, labels, knobOf }: Combination): Configuration {
  const heads = headsOf(knobOf);
  const spec = parts.spec(knobOf);
  const runner = parts.runner(knobOf);
  const lesson = parts.lesson(knobOf);
  const problems = together(
    headProblems(heads),
    problemsOf(spec),
    runner.problems,
    parts.support(knobOf).problems,
    problemsOf(lesson),
  );
  if (problems.length > 0 || "problems" in spec || (lesson !== null && "problems" in lesson)) {
    return { index, labels, problems, probe: null, capability: none };
  }
  const workload = spec.value;
  const [seed = 0] = sweep.seeds;
  const toolkit = sweep.toolkit === "exact" ? HARNESS_VERSION : null;
  // Members of plans are in the order of canonical JSON, as `trialOfParts` wants them.
  const probe: ProbePlan = {
    amp: null,
    contract: "objective_contract_v1",
    heads,
    kind: "probe",
    measure_steps: sweep.probe.measure_steps,
    memory_budget_bytes: sweep.probe.memory_budget_bytes ?? null,
    runner: runner.value,
    schema_version: "vrx_trial_v1",
    seed,
    toolkit,
    vram_guard_ratio: null,
    warmup_steps: sweep.probe.warmup_steps,
    workload,
  };
  const capability =
    lesson === null
      ? none
      : sweep.seeds.map((seed): Trial => {
          const by = lesson.program ?? runner;
          const plan: CapabilityPlan = {
            heads,
            kind: "capability",
            ring_tokens: lesson.ring_tokens,
            runner: by.value,
            schema_version: "vrx_trial_v1",
            seed,
            steps: lesson.steps,
            task: lesson.task.value,
            toolkit,
            workload,
          };
          return trialOfParts(plan, labels, { runner: by.text, task: lesson.task.text, workload: spec.text });
        });
  return {
    index,
    labels,
    problems,
    probe: trialOfParts(probe, labels, { runner: runner.text, workload: spec.text }),
    capability,
  };
}

function together(...lists: readonly (readonly string[])[]): readonly string[] {
  return lists.every(({ length }) => length === 0) ? none : lists.flat();
}

function headProblems(heads: number): readonly string[] {
  if (Number.isSafeInteger(heads) && heads >= 1) return none;
  return [`heads: expected a whole number of at least 1, found ${heads}`];
}

function problemsOf(part: Problems | object | null): readonly string[] {
  return part !== null && "problems" in part ? part.problems : none;
}

/** All trials of a sweep, each once, in the order in which they are to run: shuffled by the sweep's seed where it says so. */
export function trialsOf(sweep: SweepDocument, configurations: readonly Configuration[]): readonly Trial[] {
  const trials = new Map<string, Trial>();
  for (const { probe, capability } of configurations) {
    for (const trial of [probe, ...capability]) if (trial !== null) trials.set(trial.digest, trial);
  }
  const ordered = [...trials.values()];
  if (sweep.order?.shuffle !== true) return ordered;
  // Fisher-Yates with Marsaglia's xorshift: any order will do, as long as the seed gives it again.
  let state = (sweep.order.seed ^ 0x9e3779b9) >>> 0 || 1;
  for (let last = ordered.length - 1; last > 0; last--) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = (state >>> 0) % (last + 1);
    const [a, b] = [ordered[last], ordered[other]];
    if (a !== undefined && b !== undefined) [ordered[last], ordered[other]] = [b, a];
  }
  return ordered;
}
