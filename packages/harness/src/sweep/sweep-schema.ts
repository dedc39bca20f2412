import { packetAxes } from "@vrx/ant-ratio";
import { resolveRingOptions } from "@vrx/ring-engine";
import { EXPECTED_BASE, PRESET_NAMES, RUNNER_OPTIONS } from "./knobs.js";
import { nearestOf } from "./nearest.js";

/** Where in a document something is: keys and indices from its root. */
export type Path = readonly (string | number)[];

/** Something that is wrong with a sweep, before it is known where in the text it is. */
export interface Problem {
  readonly path: Path;
  readonly expected: string;
  readonly found: string;
  readonly suggestion?: string;
}

type Check = (value: unknown, path: Path, problems: Problem[]) => void;

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const is =
  (expected: string, holds: (value: unknown) => boolean): Check =>
  (value, path, problems) => {
    if (!holds(value)) problems.push({ path, expected, found: shown(value) });
  };

const text = is("a text that is not empty", (value) => typeof value === "string" && value !== "");
const flag = is("true or false", (value) => typeof value === "boolean");
const whole = (min: number): Check =>
  is(`a whole number of at least ${min}`, (value) => Number.isSafeInteger(value) && Number(value) >= min);
const number = (min: number): Check =>
  is(`a number of at least ${min}`, (value) => typeof value === "number" && value >= min && Number.isFinite(value));
const oneOf = (...values: readonly string[]): Check =>
  is(`one of ${values.join(", ")}`, (value) => typeof value === "string" && values.includes(value));
const knobValue = is(
  "a number, a text or a flag",
  (value) =>
    typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value)),
);

const listOf =
  (item: Check, min: number): Check =>
  (value, path, problems) => {
    if (!Array.isArray(value) || value.length < min) {
      problems.push({ path, expected: `a list of at least ${min}`, found: shown(value) });
      return;
    }
    for (const [index, one] of (value as unknown[]).entries()) item(one, [...path, index], problems);
  };

const knobs =
  (known: ReadonlySet<string>, value_check: Check): Check =>
  (value, path, problems) => {
    if (!isObject(value)) {
      problems.push({ path, expected: "knobs and their values", found: shown(value) });
      return;
    }
    for (const [key, one] of Object.entries(value)) {
      if (known.has(key)) value_check(one, [...path, key], problems);
      else problems.push({ path: [...path, key], expected: "a knob", found: shown(key), ...nearestOf(key, known) });
    }
  };

const preset: Check = (value, path, problems) => {
  if (typeof value === "string" && PRESET_NAMES.includes(value)) return;
  problems.push({ path, expected: EXPECTED_BASE, found: shown(value), ...nearestOf(String(value), PRESET_NAMES) });
};

const ringOptions: Check = (value, path, problems) => {
  if (!isObject(value)) {
    problems.push({ path, expected: "options of the ring and their values", found: shown(value) });
    return;
  }
  for (const [name, one] of Object.entries(value)) {
    const read = RUNNER_OPTIONS.includes(name) ? resolveRingOptions(Object.fromEntries([[name, one]])) : null;
    if (read === null) {
      const expected = `one of ${RUNNER_OPTIONS.join(", ")}`;
      problems.push({ path: [...path, name], expected, found: shown(name), ...nearestOf(name, RUNNER_OPTIONS) });
    } else if (read.status === "invalid") {
      for (const { expected } of read.issues) problems.push({ path: [...path, name], expected, found: shown(one) });
    }
  }
};

const AXES = packetAxes.map(({ key }) => key);

/** Two or more different axes of packets. */
const axes: Check = (value, path, problems) => {
  listOf(text, 2)(value, path, problems);
  if (!Array.isArray(value)) return;
  for (const [index, key] of (value as unknown[]).entries()) {
    if (typeof key !== "string" || key === "") continue;
    if (!AXES.includes(key)) {
      const expected = `an axis of packets (${AXES.join(", ")})`;
      problems.push({ path: [...path, index], expected, found: shown(key), ...nearestOf(key, AXES) });
    } else if (value.indexOf(key) < index) {
      problems.push({ path: [...path, index], expected: "each axis once", found: shown(key) });
    }
  }
};

interface Shape {
  readonly required?: Readonly<Record<string, Check>>;
  readonly optional?: Readonly<Record<string, Check>>;
}

const object =
  ({ required = {}, optional = {} }: Shape): Check =>
  (value, path, problems) => {
    if (!isObject(value)) {
      problems.push({ path, expected: "an object", found: shown(value) });
      return;
    }
    const all = { ...required, ...optional };
    for (const [key, check] of Object.entries(required)) {
      if (value[key] === undefined) problems.push({ path, expected: `the key ${key}`, found: "none" });
      else check(value[key], [...path, key], problems);
    }
    for (const [key, check] of Object.entries(optional)) {
      if (value[key] !== undefined) check(value[key], [...path, key], problems);
    }
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(all, key)) continue;
      const expected = `one of ${Object.keys(all).join(", ")}`;
      problems.push({ path: [...path, key], expected, found: shown(key), ...nearestOf(key, Object.keys(all)) });
    }
  };

/** The same number of values for each knob. */
const zipped =
  (known: ReadonlySet<string>): Check =>
  (value, path, problems) => {
    knobs(known, listOf(knobValue, 1))(value, path, problems);
    if (!isObject(value)) return;
    const lengths = Object.values(value).flatMap((list) => (Array.isArray(list) ? [list.length] : []));
    if (new Set(lengths).size > 1) {
      problems.push({ path, expected: "as many values for each knob", found: lengths.join(", ") });
    }
  };

function choose(value: unknown, choices: Readonly<Record<string, Check>>, path: Path, problems: Problem[]): void {
  const key = isObject(value) ? Object.keys(choices).find((name) => value[name] !== undefined) : undefined;
  const check = key === undefined ? undefined : choices[key];
  if (check === undefined) {
    problems.push({ path, expected: `an object with ${Object.keys(choices).join(" or ")}`, found: shown(value) });
  } else check(value, path, problems);
}

/** Everything that is wrong with the form of a sweep; whether its configurations can be run is seen when it is expanded. */
export function sweepProblems(value: unknown, known: ReadonlySet<string>): readonly Problem[] {
  const plain = knobs(known, knobValue);
  const axis: Check = (block, path, problems) =>
    choose(
      block,
      {
        grid: object({ required: { grid: knobs(known, listOf(knobValue, 1)) } }),
        zip: object({ required: { zip: zipped(known) } }),
        list: object({ required: { list: listOf(plain, 1) } }),
      },
      path,
      problems,
    );
  const env = knobsOfAnyName(is("a text", (one) => typeof one === "string"));
  const program = object({ required: { argv: listOf(text, 1) }, optional: { env, version: text } });
  const runner: Check = (one, path, problems) =>
    choose(
      one,
      {
        engine: object({
          required: { engine: oneOf("auto", "reference", "cpu", "cuda") },
          optional: {
            threads: whole(1),
            instruction_set: oneOf("generic", "avx2", "avx512"),
            options: ringOptions,
          },
        }),
        argv: program,
      },
      path,
      problems,
    );
  const task = object({
    required: { keys: whole(2), pairs: whole(1), values: whole(2), train_samples: whole(1), eval_samples: whole(1) },
  });
  const problems: Problem[] = [];
  object({
    required: {
      schema_version: oneOf("vrx_sweep_v1"),
      name: is(
        "letters, digits, dots, underscores and hyphens",
        (one) => typeof one === "string" && /^[\w.-]{1,80}$/.test(one),
      ),
      base: (one, path, found) => (typeof one === "string" ? preset(one, path, found) : plain(one, path, found)),
      seeds: listOf(whole(0), 1),
      runner,
      probe: object({
        required: { warmup_steps: whole(0), measure_steps: whole(1) },
        optional: { memory_budget_bytes: whole(1) },
      }),
    },
    optional: {
      notes: text,
      set: plain,
      axes: listOf(axis, 0),
      exclude: listOf(plain, 0),
      overrides: listOf(object({ required: { when: plain, set: plain } }), 0),
      capability: object({ required: { task, ring_tokens: whole(1) }, optional: { program } }),
      objective: axes,
      limits: object({ optional: { time_s: number(0), memory_bytes: whole(1) } }),
      order: object({ required: { shuffle: flag, seed: whole(0) } }),
      cooldown_s: number(0),
      idle: object({
        optional: { busy_ratio: number(0), gpu_busy_ratio: number(0), temperature_c: number(0), limit_s: number(0) },
      }),
      toolkit: oneOf("exact", "any"),
    },
  })(value, [], problems);
  return problems;
}

function knobsOfAnyName(check: Check): Check {
  return (value, path, problems) => {
    if (!isObject(value)) problems.push({ path, expected: "names and values", found: shown(value) });
    else for (const [key, one] of Object.entries(value)) check(one, [...path, key], problems);
  };
}
