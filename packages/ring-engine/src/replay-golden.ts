import type { ComputePrecision, EngineKind, RingBackend, RingConfig, StepOutcome } from "./backend.js";
import type { GoldenStep, GoldenTensors, RingGolden } from "./golden.js";
import { relativeError, relativeNormError, ringError, worst } from "./internal/relative-error.js";
import { compareTelemetry, type TelemetryComparison } from "./internal/compare-telemetry.js";
import { wrapDistance } from "./internal/ring-positions.js";
import { at } from "./internal/vector.js";
import type { ParameterSlot } from "./parameters.js";

/** The part of an engine that replays need. */
export interface GoldenEngine {
  readonly kind: EngineKind;
  readonly precisions: readonly ComputePrecision[];
  createBackend(config: RingConfig): RingBackend;
}

/** Largest max|a-b| / max|b| over the tensors of a group (|b| all zero: max|a|); null where nothing was recorded to compare with. */
export interface GoldenErrors {
  readonly logits: number | null;
  readonly loss: number | null;
  readonly grads: number | null;
  readonly params: number | null;
  readonly trace: number | null;
}

/** What came out of replaying one golden on one engine. */
export interface GoldenReplay {
  readonly name: string;
  readonly engine: EngineKind;
  readonly executed_precision: ComputePrecision;
  /** Largest error allowed: 1e-9 for recordings all in fp64, 1e-3 where parameters or pointers are fp32. */
  readonly tolerance: number;
  /**
   * `free`: pointers ran by themselves in every compared step. `teacher_forced`: they left the recorded ones (the
   * ring's dynamics are chaotic), so each time step of the first step started from the recorded pointer.
   */
  readonly mode: "free" | "teacher_forced";
  /** Training steps compared, of those recorded; the rest cannot be compared, `notes` says why. */
  readonly compared_steps: number;
  readonly recorded_steps: number;
  readonly max_rel_err: GoldenErrors;
  /** Null gradients that are not, or the other way round, and read-out slots that differ. */
  readonly mismatches: readonly string[];
  /** Has no influence on the results, nor on `ok`. */
  readonly telemetry: readonly TelemetryComparison[];
  readonly notes: readonly string[];
  readonly ok: boolean;
}

const TOLERANCE: Readonly<Record<ComputePrecision, number>> = { fp64: 1e-9, fp32: 1e-3 };
/** One rounding of a pointer in each format: what a chaotic run must not be expected to survive. */
const ONE_ROUNDING: Readonly<Record<ComputePrecision, number>> = { fp64: 2 ** -52, fp32: 2 ** -23 };

/** The coarser of the formats a run was recorded in. */
function formatOf({ precision, ptr_dtype }: RingConfig): ComputePrecision {
  return precision === "fp64" && ptr_dtype === "fp64" ? "fp64" : "fp32";
}

interface StepComparison {
  readonly errors: GoldenErrors;
  readonly mismatches: readonly string[];
  readonly telemetry: readonly TelemetryComparison[];
}

function tensorErrors(
  parameters: readonly ParameterSlot[],
  found: Float64Array,
  expected: GoldenTensors,
): readonly number[] {
  return parameters.flatMap(({ name, offset, length }) => {
    const tensor = expected.get(name);
    return tensor ? [relativeError(found.subarray(offset, offset + length), tensor)] : [];
  });
}

function normErrors(
  parameters: readonly ParameterSlot[],
  found: Float64Array,
  norms: ReadonlyMap<string, number | null>,
): readonly number[] {
  return parameters.flatMap(({ name, offset, length }) => {
    const norm = norms.get(name) ?? null;
    return norm === null ? [] : [relativeNormError(found.subarray(offset, offset + length), norm)];
  });
}

function presenceMismatches(
  parameters: readonly ParameterSlot[],
  present: readonly boolean[],
  recorded: ReadonlyMap<string, unknown>,
): readonly string[] {
  return parameters.flatMap(({ name }, i) => {
    if (!recorded.has(name)) return [];
    const expected = recorded.get(name) !== null;
    if (expected === present[i]) return [];
    return [`gradient of ${name}: expected ${expected ? "one" : "null"}, found ${expected ? "null" : "one"}`];
  });
}

/** The ways from each time step's pointers ([T, B]) to the next ones, without the last step's. */
function moves(from: Float64Array, to: Float64Array, ring_len: number, batch: number): Float64Array {
  return from.slice(0, from.length - batch).map((position, i) => wrapDistance(position, at(to, i), ring_len));
}

function traceErrors(golden: RingGolden, step: GoldenStep, outcome: StepOutcome, forced: boolean): readonly number[] {
  if (step.trace === null || outcome.trace === null) return [];
  const { ring_len: R, batch_size: B } = golden.config;
  const { pointers, centers, weights, hidden } = step.trace;
  const { trace } = outcome;
  return [
    // A forced pointer is right by itself: what counts is how far each step moved it.
    forced
      ? relativeError(moves(trace.pointers, trace.next_pointers, R, B), moves(pointers, pointers.subarray(B), R, B))
      : ringError(trace.pointers, pointers, R),
    relativeError(trace.centers, centers),
    relativeError(trace.weights, weights),
    ...(hidden === null ? [] : [relativeError(trace.hidden, hidden)]),
  ];
}

function compareStep(
  golden: RingGolden,
  index: number,
  step: GoldenStep,
  backend: RingBackend,
  outcome: StepOutcome,
  forced: boolean,
): StepComparison {
  const { parameters } = golden;
  const gradients = backend.readGradients();
  const after = backend.readParameters();
  const recorded = step.gradients ?? step.gradient_norms;
  const slots = step.last_pointer_slot ?? outcome.last_pointer_slot;
  const moved = slots.findIndex((slot, b) => slot !== outcome.last_pointer_slot[b]);
  const mismatches = [
    ...(recorded === null ? [] : presenceMismatches(parameters, gradients.present, recorded)),
    ...(moved < 0
      ? []
      : [
          `read-out slot of sample ${moved}: expected ${at(slots, moved)}, found ${at(outcome.last_pointer_slot, moved)}`,
        ]),
  ];
  return {
    errors: {
      logits: relativeError(outcome.logits, step.logits),
      loss: relativeError(Float64Array.of(outcome.loss), Float64Array.of(step.loss)),
      grads: worst(
        step.gradients === null
          ? normErrors(parameters, gradients.values, step.gradient_norms ?? new Map<string, number>())
          : tensorErrors(parameters, gradients.values, step.gradients),
      ),
      params: worst([
        ...normErrors(parameters, after, step.parameter_norms ?? new Map<string, number>()),
        ...(step.parameters_after === null ? [] : tensorErrors(parameters, after, step.parameters_after)),
      ]),
      trace: worst(traceErrors(golden, step, outcome, forced)),
    },
    mismatches: mismatches.map((text) => `step ${index}: ${text}`),
    telemetry: compareTelemetry(index, step, outcome, golden.config),
  };
}

const within = ({ errors, mismatches }: StepComparison, tolerance: number): boolean =>
  mismatches.length === 0 &&
  Object.values(errors).every((error: number | null) => error === null || error <= tolerance);

function freshBackend(golden: RingGolden, engine: GoldenEngine, config: RingConfig): RingBackend {
  const backend = engine.createBackend(config);
  backend.writeParameters(golden.initial);
  return backend;
}

function runStep(
  golden: RingGolden,
  backend: RingBackend,
  index: number,
  how: { readonly mode: "train" | "gradients"; readonly forced?: Float64Array; readonly shift?: number },
): Promise<StepOutcome> {
  const unit = golden.pointer_units[index] ?? new Float64Array(golden.config.batch_size);
  const { shift = 0, forced, mode } = how;
  return backend.run({
    batch: { x: golden.x, y: golden.y, pointer_unit: unit.map((u) => Math.min(Math.abs(u + shift), 1)) },
    mode,
    trace: true,
    ...(forced === undefined ? {} : { forced_pointers: forced }),
    ...(golden.state_loop_projection === null ? {} : { state_loop_projection: golden.state_loop_projection }),
  });
}

/**
 * True if roundings of the recording's own size, in the pointers a step starts from, change this engine's
 * logits or gradients by more than the tolerance: then no two implementations need agree on that step.
 */
async function isChaotic(golden: RingGolden, backend: RingBackend, index: number, tolerance: number): Promise<boolean> {
  const { config, parameters } = golden;
  const rounding = ONE_ROUNDING[formatOf(config)];
  const base = await runStep(golden, backend, index, { mode: "gradients" });
  const slopes = backend.readGradients().values;
  for (const roundings of [1, -1, 4, -4, 16, -16]) {
    const shift = roundings * rounding;
    const shifted = await runStep(golden, backend, index, { mode: "gradients", shift });
    const shiftedSlopes = backend.readGradients().values;
    const errors = [
      relativeError(shifted.logits, base.logits),
      ...parameters.map(({ offset, length }) =>
        relativeError(shiftedSlopes.subarray(offset, offset + length), slopes.subarray(offset, offset + length)),
      ),
    ];
    if (errors.some((error) => error > tolerance)) return true;
  }
  return false;
}

function merge(comparisons: readonly StepComparison[]): GoldenErrors {
  const group = (name: keyof GoldenErrors): number | null =>
    worst(comparisons.flatMap(({ errors }) => (errors[name] === null ? [] : [errors[name]])));
  return {
    logits: group("logits"),
    loss: group("loss"),
    grads: group("grads"),
    params: group("params"),
    trace: group("trace"),
  };
}

/**
 * Replays a recorded run on an engine, in the recorded precision if the engine executes it and in fp64
 * otherwise, and compares logits, loss, gradients, parameters and trace. A recording whose pointers are
 * chaotic is compared in its first step, teacher-forced from the trace; `mode` and `notes` say so.
 * Rejects with a RingEngineError when the engine cannot execute the configuration.
 */
export async function replayGolden(golden: RingGolden, engine: GoldenEngine): Promise<GoldenReplay> {
  const tolerance = TOLERANCE[formatOf(golden.config)];
  const precision = engine.precisions.includes(golden.config.precision) ? golden.config.precision : "fp64";
  const watched = golden.state_loop_projection === null ? 0 : golden.config.state_loop_samples;
  const config: RingConfig = { ...golden.config, precision, state_loop_samples: watched };
  const notes: string[] = [];
  if (watched < golden.config.state_loop_samples)
    notes.push("no state-loop projection recorded: its telemetry is left out");

  let comparisons: StepComparison[] = [];
  let mode: GoldenReplay["mode"] = "free";
  let backend = freshBackend(golden, engine, config);
  try {
    for (const [index, step] of golden.steps.entries()) {
      const before = { parameters: backend.readParameters(), optimizer: backend.readOptimizer() };
      const outcome = await runStep(golden, backend, index, { mode: "train" });
      const comparison = compareStep(golden, index, step, backend, outcome, false);
      if (within(comparison, tolerance)) {
        comparisons.push(comparison);
        continue;
      }
      const after = { parameters: backend.readParameters(), optimizer: backend.readOptimizer() };
      backend.writeParameters(before.parameters);
      backend.writeOptimizer(before.optimizer);
      const chaotic = await isChaotic(golden, backend, index, tolerance);
      const forced = index === 0 && chaotic ? step.trace?.pointers : undefined;
      if (forced !== undefined) {
        mode = "teacher_forced";
        backend.dispose();
        backend = freshBackend(golden, engine, config);
        const guided = await runStep(golden, backend, index, { mode: "train", forced });
        comparisons = [compareStep(golden, index, step, backend, guided, true)];
        notes.push(
          "pointers diverge from the recorded ones by rounding alone: step 0 is teacher-forced from its trace",
        );
      }
      if (chaotic) {
        const left = golden.steps.length - comparisons.length;
        if (left > 0)
          notes.push(`${left} later step(s) are chaotic and have no trace to force pointers from: not compared`);
        break;
      }
      comparisons.push(comparison);
      backend.writeParameters(after.parameters);
      backend.writeOptimizer(after.optimizer);
    }
  } finally {
    backend.dispose();
  }
  return {
    name: golden.name,
    engine: engine.kind,
    executed_precision: precision,
    tolerance,
    mode,
    compared_steps: comparisons.length,
    recorded_steps: golden.steps.length,
    max_rel_err: merge(comparisons),
    mismatches: comparisons.flatMap(({ mismatches }) => mismatches),
    telemetry: comparisons.flatMap(({ telemetry }) => telemetry),
    notes,
    ok: comparisons.length > 0 && comparisons.every((comparison) => within(comparison, tolerance)),
  };
}
