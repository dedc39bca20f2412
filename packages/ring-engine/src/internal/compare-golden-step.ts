import type { RingBackend, StepOutcome } from "../backend.js";
import type { GoldenStep, GoldenTensors, RingGolden } from "../golden.js";
import type { ParameterSlot } from "../parameters.js";
import { type TelemetryComparison, compareTelemetry } from "./compare-telemetry.js";
import { relativeError, relativeNormError, ringError, worst } from "./relative-error.js";
import { wrapDistance } from "./ring-positions.js";
import { at } from "./vector.js";

/** Largest max|a-b| / max|b| over the tensors of a group (|b| all zero: max|a|); null where nothing was recorded to compare with. */
export interface GoldenErrors {
  readonly logits: number | null;
  readonly loss: number | null;
  readonly grads: number | null;
  readonly params: number | null;
  readonly trace: number | null;
}

/** One replayed training step beside the recorded one. */
export interface StepComparison {
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

/** Compares what `backend` did in its last step; `forced`: its pointers were forced to the recorded ones. */
export function compareStep(
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
