import { LineCounter, type Node, isNode, parseDocument } from "yaml";
import { HarnessError } from "../errors.js";
import { KNOWN_KNOBS } from "./knobs.js";
import type { SweepDocument } from "./sweep-document.js";
import { type Path, type Problem, sweepProblems } from "./sweep-schema.js";

/** One thing that is wrong with a sweep file: where, what was expected, what is there. Lines and columns count from 1. */
export interface SweepIssue {
  readonly code: "too_large" | "syntax_error" | "invalid";
  /** RFC 6901. */
  readonly pointer: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly expected: string;
  readonly found: string;
  readonly message: string;
  readonly suggestion?: string;
}

export type SweepRead =
  | { readonly status: "ok"; readonly sweep: SweepDocument }
  | { readonly status: "invalid"; readonly issues: readonly SweepIssue[] };

/** More than any sweep that a person or a program writes with care. */
const MAX_CHARACTERS = 4 * 1024 * 1024;
const MAX_ALIASES = 100;

const hint = (suggestion: string | undefined): string =>
  suggestion === undefined ? "" : `; did you mean ${suggestion}?`;

function pointerOf(path: Path): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function isSweep(_value: unknown, problems: readonly Problem[]): _value is SweepDocument {
  return problems.length === 0;
}

/**
 * Reads a sweep from YAML 1.2 or JSON strictly: unknown and repeated keys, wrong types and unknown knobs are issues, all
 * of them at once, each with its place in the text. Aliases are followed a hundred times at most.
 */
export function readSweep(source: string, { filename }: { readonly filename?: string } = {}): SweepRead {
  const name = filename ?? "the sweep";
  if (source.length > MAX_CHARACTERS) {
    const [expected, found] = [`at most ${MAX_CHARACTERS} characters`, String(source.length)];
    const message = `${name}: expected ${expected}, found ${found}`;
    return {
      status: "invalid",
      issues: [{ code: "too_large", pointer: "", line: null, column: null, expected, found, message }],
    };
  }
  const lines = new LineCounter();
  const document = parseDocument(source, {
    version: "1.2",
    uniqueKeys: true,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "silent",
  });
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) {
    return {
      status: "invalid",
      issues: syntax.map(({ pos, message: why }) => {
        const { line, col: column } = lines.linePos(pos[0]);
        const message = `${name}:${line}:${column}: ${why}`;
        return { code: "syntax_error", pointer: "", line, column, expected: "YAML", found: why, message };
      }),
    };
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    const expected = `at most ${MAX_ALIASES} uses of aliases`;
    const message = `${name}: expected ${expected}, found more (${found})`;
    return {
      status: "invalid",
      issues: [{ code: "too_large", pointer: "", line: null, column: null, expected, found, message }],
    };
  }
  const problems = sweepProblems(value, KNOWN_KNOBS);
  if (isSweep(value, problems)) return { status: "ok", sweep: value };
  const placeOf = (path: Path): { line: number; column: number } | null => {
    // What is missing is where it belongs: the nearest thing around it that is there.
    for (let length = path.length; length >= 0; length--) {
      const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      const range = isNode(node) ? (node as Node).range : null;
      if (range === null || range === undefined) continue;
      const { line, col: column } = lines.linePos(range[0]);
      return { line, column };
    }
    return null;
  };
  return {
    status: "invalid",
    issues: problems.map(({ path, expected, found, suggestion }) => {
      const place = placeOf(path);
      const at = place === null ? name : `${name}:${place.line}:${place.column}`;
      const pointer = pointerOf(path);
      return {
        code: "invalid",
        pointer,
        line: place?.line ?? null,
        column: place?.column ?? null,
        expected,
        found,
        message: `${at}: ${pointer === "" ? "the sweep" : pointer}: expected ${expected}, found ${found}${hint(suggestion)}`,
        ...(suggestion === undefined ? {} : { suggestion }),
      };
    }),
  };
}

/**
 * A sweep in TypeScript, checked as a file is. Throws `invalid_argument` with all problems.
 *
 * @example
 * const sweep = defineSweep({
 *   schema_version: "vrx_sweep_v1",
 *   name: "widths",
 *   base: "od1_small",
 *   axes: [{ grid: { slot_dim: [64, 128] } }],
 *   seeds: [1],
 *   runner: { engine: "auto" },
 *   probe: { warmup_steps: 5, measure_steps: 50 },
 * });
 */
export function defineSweep(sweep: SweepDocument): SweepDocument {
  const problems = sweepProblems(sweep, KNOWN_KNOBS);
  if (problems.length === 0) return sweep;
  const words = problems.map(
    ({ path, expected, found, suggestion }) =>
      `${pointerOf(path) || "the sweep"}: expected ${expected}, found ${found}${hint(suggestion)}`,
  );
  throw new HarnessError("invalid_argument", words.join("\n"), { details: { problems } });
}
