import { isAntRatioError, planTokenBudget } from "@vrx/ant-ratio";
import { type Engine, type RingOptions, SIZE_OPTIONS, resolveRingOptions } from "@vrx/ring-engine";
import { type WorkloadSpec, canonicalizeWorkloadSpec, readWorkloadSpec, toSafeInts } from "@vrx/workload-schema";
import type { AssocTask } from "../capability/assoc-task.js";
import { taskProblems } from "../capability/check-task.js";
import type { RingRunner, Runner } from "../trial/trial.js";
import { plainText } from "../trial/trial-digest.js";
import { axisNames } from "./combinations.js";
import { ANT_KNOBS, COLONY_KNOBS, KNOWN_KNOBS, SPEC_KNOBS, TASK_KNOBS } from "./knobs.js";
import type { KnobValue, Knobs, ProgramChoice, SweepDocument } from "./sweep-document.js";

/** What of an engine a sweep is planned with. */
export type PlannedEngine = Pick<Engine, "kind" | "threads" | "supports" | "options">;

/** What a knob is set to in one configuration; undefined where nothing sets it. */
export type KnobOf = (name: string) => KnobValue | undefined;

/** A part of plans with its canonical JSON. */
export interface Part<T> {
  readonly value: T;
  readonly text: string;
}

export interface Problems {
  readonly problems: readonly string[];
}

/** A runner, and what is wrong with those of its options that no size depends on. */
export interface RunnerPart extends Part<Runner>, Problems {}

/** What a configuration is trained on, by whom, and for how long. */
export interface Lesson {
  readonly task: Part<AssocTask>;
  /** Null: the runner of the probes. */
  readonly program: Part<Runner> | null;
  readonly steps: number;
  readonly ring_tokens: number;
}

/** The parts that plans are put together from. Configurations whose knobs agree get the same one, made once. */
export interface PlanParts {
  readonly spec: (knobOf: KnobOf) => Part<WorkloadSpec> | Problems;
  readonly runner: (knobOf: KnobOf) => RunnerPart;
  /** Why the engine cannot execute the spec; nothing where there is none. */
  readonly support: (knobOf: KnobOf) => Problems;
  /** Null where a sweep measures no capability, or where there is no spec. */
  readonly lesson: (knobOf: KnobOf) => Lesson | Problems | null;
}

const OPTION_PREFIX = "options.";
const TASK_PREFIX = "task.";
const SIZE_KNOBS: ReadonlySet<string> = new Set(SIZE_OPTIONS.map((name) => OPTION_PREFIX + name));

/** `base` are the knobs that all configurations have unless an axis or an override sets them; no engine: trials are programs. */
export function planParts(sweep: SweepDocument, engine: PlannedEngine | null, base: Knobs): PlanParts {
  const { axes = [], overrides = [], capability } = sweep;
  const varying = [...new Set([...axisNames(axes), ...overrides.flatMap(({ set }) => Object.keys(set))])];
  const names = [...new Set([...Object.keys(base), ...varying])];
  // A name that is no knob is a key that a spec does not know, and is refused as one.
  const unknown = names.filter((name) => !KNOWN_KNOBS.has(name) && !name.includes("."));
  const specNames = new Set<string>([...SPEC_KNOBS, ...unknown]);
  const options = names.filter((name) => name.startsWith(OPTION_PREFIX));

  const spec = sharedBy(
    varying.filter((name) => specNames.has(name)),
    (knobOf) => specOf(knobOf, unknown),
  );
  const runner = sharedBy(
    varying.filter((name) => name === "threads" || name.startsWith(OPTION_PREFIX)),
    (knobOf): RunnerPart => {
      const own = runnerOf(sweep, engine, knobOf, options);
      return { ...partOf(own), problems: valueProblems(own) };
    },
  );
  const support = sharedBy(
    varying.filter((name) => specNames.has(name) || name === "heads" || SIZE_KNOBS.has(name)),
    (knobOf): Problems => {
      const read = spec(knobOf);
      const problems =
        "problems" in read ? [] : engineProblems(engine, read.value, runner(knobOf).value, headsOf(knobOf));
      return { problems };
    },
  );
  const lesson =
    capability === undefined
      ? () => null
      : sharedBy(
          varying.filter((name) => specNames.has(name) || name.startsWith(TASK_PREFIX)),
          (knobOf) => {
            const read = spec(knobOf);
            return "problems" in read ? null : lessonOf(capability, read.value, knobOf);
          },
        );
  return { spec, runner, support, lesson };
}

/** What is made of some knobs, of which only the `varying` ones differ within a sweep. */
function sharedBy<T>(varying: readonly string[], make: (knobOf: KnobOf) => T): (knobOf: KnobOf) => T {
  const made = new Map<string, { readonly one: T }>();
  return (knobOf) => {
    let key = "";
    for (const name of varying) {
      const value = knobOf(name);
      key += `${typeof value === "string" ? JSON.stringify(value) : value},`;
    }
    let known = made.get(key);
    if (known === undefined) made.set(key, (known = { one: make(knobOf) }));
    return known.one;
  };
}

function partOf<T>(value: T): Part<T> {
  return { value, text: plainText(value) };
}

function pick(knobOf: KnobOf, names: readonly string[], prefix = ""): Record<string, KnobValue> {
  const picked: Record<string, KnobValue> = {};
  for (const name of names) {
    const value = knobOf(prefix + name);
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

/** A spec of knobs, checked as a file is. */
function specOf(knobOf: KnobOf, unknown: readonly string[]): Part<WorkloadSpec> | Problems {
  const text = JSON.stringify({
    schema_version: "workload_schema_v1",
    ant_spec: pick(knobOf, ANT_KNOBS),
    colony_spec: pick(knobOf, [...COLONY_KNOBS, ...unknown]),
  });
  const read = readWorkloadSpec(text);
  const safe = read.status === "ok" ? toSafeInts(read.spec) : read;
  return safe.status === "ok"
    ? partOf(canonicalizeWorkloadSpec(safe.spec) as WorkloadSpec)
    : { problems: safe.issues.map(({ message }) => message) };
}

function programRunner({ argv, env = {}, version }: ProgramChoice): Runner {
  return { kind: "program", argv, env, version: version ?? null };
}

function runnerOf(
  { runner }: SweepDocument,
  engine: PlannedEngine | null,
  knobOf: KnobOf,
  optionNames: readonly string[],
): Runner {
  if (!("engine" in runner)) return programRunner(runner);
  const kind = engine?.kind ?? (runner.engine === "auto" ? "reference" : runner.engine);
  const threads = knobOf("threads") ?? runner.threads;
  const options: Record<string, KnobValue | null | undefined> = { ...runner.options };
  for (const name of optionNames) {
    const value = knobOf(name);
    if (value !== undefined) options[name.slice(OPTION_PREFIX.length)] = value;
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

export function headsOf(knobOf: KnobOf): number {
  return Number(knobOf("heads") ?? 1);
}

/** The options of a ring's runner that decide its sizes, or those that do not. */
function optionsOf({ options }: RingRunner, ofSizes: boolean): Partial<RingOptions> {
  return Object.fromEntries(
    Object.entries(options).filter(([name]) => SIZE_KNOBS.has(OPTION_PREFIX + name) === ofSizes),
  );
}

/** What is wrong with the options that no size depends on: the same whatever the spec is. */
function valueProblems(runner: Runner): readonly string[] {
  if (runner.kind !== "ring") return [];
  const read = resolveRingOptions(optionsOf(runner, false));
  return read.status === "ok" ? [] : read.issues.map(({ message }) => message);
}

function engineProblems(
  engine: PlannedEngine | null,
  workload: WorkloadSpec,
  runner: Runner,
  heads: number,
): readonly string[] {
  if (engine === null || runner.kind !== "ring") return [];
  // A number of heads that is none has been told as one.
  const expert_heads = Number.isSafeInteger(heads) && heads >= 1 ? heads : 1;
  try {
    const support = engine.supports(workload, { ...optionsOf(runner, true), expert_heads });
    return support.status === "unsupported" ? [support.reason] : [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function lessonOf(
  { task, ring_tokens, program }: NonNullable<SweepDocument["capability"]>,
  { colony_spec: { batch_size, seq_len, synth_len } }: WorkloadSpec,
  knobOf: KnobOf,
): Lesson | Problems {
  const own = { ...task, ...pick(knobOf, TASK_KNOBS, TASK_PREFIX) };
  const problems = taskProblems(own, synth_len).map((problem) => `${TASK_PREFIX}${problem}`);
  try {
    const budget = planTokenBudget({ ring_tokens, batch_size, seq_len });
    if (problems.length > 0) return { problems };
    return {
      task: partOf(own),
      program: program === undefined ? null : partOf(programRunner(program)),
      steps: budget.steps,
      ring_tokens: budget.ring_tokens,
    };
  } catch (error) {
    if (!isAntRatioError(error)) throw error;
    return { problems: [...problems, error.message] };
  }
}
