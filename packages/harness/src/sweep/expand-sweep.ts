import { isAntRatioError, planTokenBudget } from "@vrx/ant-ratio";
import { type Engine, createEngine, engineSupports } from "@vrx/ring-engine";
import {
  type WorkloadSpec,
  canonicalizeWorkloadSpec,
  presets,
  readWorkloadSpec,
  toSafeInts,
} from "@vrx/workload-schema";
import { taskProblems } from "../capability/check-task.js";
import { HarnessError } from "../errors.js";
import type { CapabilityPlan, ProbePlan, RingRunner, Runner, Trial } from "../trial/trial.js";
import { trialOf } from "../trial/trial-digest.js";
import { HARNESS_VERSION } from "../version.js";
import { ANT_KNOBS, COLONY_KNOBS, KNOWN_KNOBS, SPEC_KNOBS, TASK_KNOBS } from "./knobs.js";
import type { AxisBlock, KnobValue, Knobs, ProgramChoice, SweepDocument } from "./sweep-document.js";

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

function* assignments(block: AxisBlock): Generator<Knobs, void, undefined> {
  if ("list" in block) {
    yield* block.list;
    return;
  }
  const axes = Object.entries("grid" in block ? block.grid : block.zip);
  if ("zip" in block) {
    const length = axes[0]?.[1].length ?? 0;
    for (let i = 0; i < length; i++) yield Object.fromEntries(axes.map(([name, values]) => [name, values[i] ?? 0]));
    return;
  }
  let products: Knobs[] = [{}];
  for (const [name, values] of axes) {
    products = products.flatMap((before) => values.map((value) => ({ ...before, [name]: value })));
  }
  yield* products;
}

function countOf(block: AxisBlock): number {
  if ("list" in block) return block.list.length;
  if ("zip" in block) return Object.values(block.zip)[0]?.length ?? 0;
  return Object.values(block.grid).reduce((product, values) => product * values.length, 1);
}

/** Whether a combination has all of some values. */
function has(knobs: Knobs, wanted: Knobs): boolean {
  return Object.entries(wanted).every(([name, value]) => knobs[name] === value);
}

function* combinations(blocks: readonly AxisBlock[]): Generator<Knobs, void, undefined> {
  const [first, ...rest] = blocks;
  if (first === undefined) {
    yield {};
    return;
  }
  const inner = [...combinations(rest)];
  for (const outer of assignments(first)) for (const one of inner) yield { ...outer, ...one };
}

function baseKnobs(base: SweepDocument["base"]): Knobs {
  if (typeof base !== "string") return base;
  const preset = Object.entries(presets).find(([name]) => name === base)?.[1];
  if (preset === undefined) {
    const names = Object.keys(presets).join(", ");
    throw new HarnessError(
      "invalid_argument",
      `base: expected a preset (${names}) or knobs, found ${JSON.stringify(base)}`,
    );
  }
  return { ...preset.ant_spec, ...preset.colony_spec } as unknown as Knobs;
}

function pick(knobs: Knobs, names: readonly string[], prefix = ""): Record<string, KnobValue> {
  const picked: Record<string, KnobValue> = {};
  for (const name of names) {
    const value = knobs[prefix + name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

type SpecOrProblems = { readonly spec: WorkloadSpec } | { readonly problems: readonly string[] };

/**
 * Specs of knobs, checked as a file is: a name that is no knob is a key that a spec does not know. Configurations that
 * differ in heads, threads, task or options alone share one spec, which is read once.
 */
function specReader(): (knobs: Knobs) => SpecOrProblems {
  const known = new Map<string, SpecOrProblems>();
  return (knobs) => {
    const unknown = Object.keys(knobs).filter((name) => !KNOWN_KNOBS.has(name) && !name.includes("."));
    // Most configurations share a spec with one before: its text is made only for the others.
    const key = JSON.stringify([...SPEC_KNOBS, ...unknown].map((name) => knobs[name])) + unknown.join();
    const before = known.get(key);
    if (before !== undefined) return before;
    const text = JSON.stringify({
      schema_version: "workload_schema_v1",
      ant_spec: pick(knobs, ANT_KNOBS),
      colony_spec: pick(knobs, [...COLONY_KNOBS, ...unknown]),
    });
    const read = readWorkloadSpec(text);
    const safe = read.status === "ok" ? toSafeInts(read.spec) : read;
    const spec =
      safe.status === "ok"
        ? { spec: canonicalizeWorkloadSpec(safe.spec) as WorkloadSpec }
        : { problems: safe.issues.map(({ message }) => message) };
    known.set(key, spec);
    return spec;
  };
}

function programRunner({ argv, env = {}, version }: ProgramChoice): Runner {
  return { kind: "program", argv, env, version: version ?? null };
}

/** What of an engine a sweep is planned with. */
export type PlannedEngine = Pick<Engine, "kind" | "threads" | "supports" | "options">;

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

/**
 * All configurations of a sweep with their trials, in the order of the axes. One that cannot be run (a spec that is
 * wrong, an engine that cannot execute it, a token budget that its batch misses by more than 1 %) is there with its
 * problems. Throws `invalid_argument` for a preset that does not exist and for more than a million combinations.
 */
export async function expandSweep(
  sweep: SweepDocument,
  options: ExpandOptions = {},
): Promise<readonly Configuration[]> {
  const blocks = sweep.axes ?? [];
  const count = blocks.reduce((product, block) => product * countOf(block), 1);
  if (count > MAX_CONFIGURATIONS) {
    throw new HarnessError(
      "invalid_argument",
      `axes: expected at most ${MAX_CONFIGURATIONS} combinations, found ${count}`,
    );
  }
  const engine = "engine" in sweep.runner ? (options.engine ?? (await engineOf(sweep))) : null;
  const base = { ...baseKnobs(sweep.base), ...sweep.set };
  const configurations: Configuration[] = [];
  const specOf = specReader();
  for (const labels of combinations(blocks)) {
    if (sweep.exclude?.some((wanted) => has({ ...base, ...labels }, wanted)) === true) continue;
    let knobs: Knobs = { ...base, ...labels };
    for (const { when, set } of sweep.overrides ?? []) if (has(knobs, when)) knobs = { ...knobs, ...set };
    configurations.push(configurationOf({ sweep, engine, specOf }, labels, knobs, configurations.length));
  }
  return configurations;
}

interface Expansion {
  readonly sweep: SweepDocument;
  readonly engine: PlannedEngine | null;
  readonly specOf: (knobs: Knobs) => SpecOrProblems;
}

function configurationOf(
  { sweep, engine, specOf }: Expansion,
  labels: Knobs,
  knobs: Knobs,
  index: number,
): Configuration {
  const problems: string[] = [];
  const read = specOf(knobs);
  const heads = Number(knobs["heads"] ?? 1);
  const [seed = 0] = sweep.seeds;
  if (!Number.isSafeInteger(heads) || heads < 1)
    problems.push(`heads: expected a whole number of at least 1, found ${heads}`);
  if ("problems" in read)
    return { index, labels, problems: [...problems, ...read.problems], probe: null, capability: [] };
  const { spec } = read;
  const runner = runnerOf(sweep, engine, knobs);
  if (engine !== null && runner.kind === "ring") {
    try {
      const support = engine.supports(spec, { ...runner.options, expert_heads: heads });
      if (support.status === "unsupported") problems.push(support.reason);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  const toolkit = sweep.toolkit === "exact" ? HARNESS_VERSION : null;
  const common = { heads, schema_version: "vrx_trial_v1", toolkit, workload: spec } as const;
  // Members of plans are in the order of canonical JSON: a hundred thousand of them are then digested in half the time.
  const probe: ProbePlan = {
    amp: null,
    contract: "objective_contract_v1",
    heads,
    kind: "probe",
    measure_steps: sweep.probe.measure_steps,
    memory_budget_bytes: sweep.probe.memory_budget_bytes ?? null,
    runner,
    schema_version: "vrx_trial_v1",
    seed,
    toolkit,
    vram_guard_ratio: null,
    warmup_steps: sweep.probe.warmup_steps,
    workload: spec,
  };
  const capability = capabilityPlans(sweep, common, runner, knobs, problems);
  if (problems.length > 0) return { index, labels, problems, probe: null, capability: [] };
  return {
    index,
    labels,
    problems,
    probe: trialOf(probe, labels),
    capability: capability.map((plan) => trialOf(plan, labels)),
  };
}

const OPTION_PREFIX = "options.";

function runnerOf({ runner }: SweepDocument, engine: PlannedEngine | null, knobs: Knobs): Runner {
  if (!("engine" in runner)) return programRunner(runner);
  const kind = engine?.kind ?? (runner.engine === "auto" ? "reference" : runner.engine);
  const threads = knobs["threads"] ?? runner.threads;
  const options: Record<string, KnobValue | null | undefined> = { ...runner.options };
  for (const [name, value] of Object.entries(knobs)) {
    if (name.startsWith(OPTION_PREFIX)) options[name.slice(OPTION_PREFIX.length)] = value;
  }
  const ring: RingRunner = {
    engine: kind,
    engine_options: {
      ...(kind === "cpu" && runner.instruction_set !== undefined ? { instruction_set: runner.instruction_set } : {}),
      // The reference has one thread; what the cpu engine would choose by itself differs from host to host.
      ...(kind === "cpu" ? { threads: Number(threads ?? engine?.threads ?? 1) } : {}),
      ...(engine?.options.driver === undefined ? {} : { driver: engine.options.driver }),
    },
    kind: "ring",
    options,
  };
  return ring;
}

function capabilityPlans(
  sweep: SweepDocument,
  common: Pick<CapabilityPlan, "schema_version" | "workload" | "heads" | "toolkit">,
  runner: Runner,
  knobs: Knobs,
  problems: string[],
): readonly CapabilityPlan[] {
  const { capability } = sweep;
  if (capability === undefined) return [];
  const task = { ...capability.task, ...pick(knobs, TASK_KNOBS, "task.") };
  const { batch_size, seq_len, synth_len } = common.workload.colony_spec;
  problems.push(...taskProblems(task, synth_len).map((problem) => `task.${problem}`));
  try {
    const { steps, ring_tokens } = planTokenBudget({ ring_tokens: capability.ring_tokens, batch_size, seq_len });
    const by = capability.program === undefined ? runner : programRunner(capability.program);
    const { heads, schema_version, toolkit, workload } = common;
    return sweep.seeds.map((seed): CapabilityPlan => ({
      heads,
      kind: "capability",
      ring_tokens,
      runner: by,
      schema_version,
      seed,
      steps,
      task,
      toolkit,
      workload,
    }));
  } catch (error) {
    if (!isAntRatioError(error)) throw error;
    problems.push(error.message);
    return [];
  }
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
