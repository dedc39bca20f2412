import type { RingBackend, StepOutcome } from "../backend.js";
import type { GoldenStep, GoldenTensors, RingGolden } from "../golden.js";
import type { ParameterSlot } from "../parameters.js";
import { type TelemetryComparison, compareTelemetry } from "./compare-telemetry.js";
import { ONE_ROUNDING, formatOf } from "./recorded-format.js";
import { euclideanNorm, largestMagnitude, relativeError, relativeNormError, ringError } from "./relative-error.js";
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

/** Two implementations of the sigmoid may be a few roundings apart. */
const ROUNDINGS_OF_GATE = 4;

/** One recorded thing and how far the replayed one is from it. `group` and `name` tell it apart within a step. */
export interface StepDeviation {
  readonly group: keyof GoldenErrors;
  readonly name: string;
  readonly error: number;
}

/** A recorded thing that a replay has or has not, as a whole. */
export interface StepMismatch {
  readonly name: string;
  readonly text: string;
}

/** One replayed training step beside the recorded one. */
export interface StepComparison {
  readonly deviations: readonly StepDeviation[];
  readonly mismatches: readonly StepMismatch[];
  readonly telemetry: readonly TelemetryComparison[];
}

/** How far apart rounding alone may drive two implementations in a tensor; asks for the magnitudes of others by name. */
type RoundingOf = (name: string, magnitudeOf: (name: string) => number) => number;

/**
 * The slopes of the dead zone's head contain 1 - gate, which a gate near 1 has lost to rounding. What a rounding of
 * the gate is worth follows from the slopes of the inertia's head: the same factors but for inertia (1 - inertia),
 * at most 1/4, in place of gate (1 - gate) / deadzone_tau.
 */
function roundingOfSlopes({ config }: RingGolden): RoundingOf {
  const share = (4 * ROUNDINGS_OF_GATE * ONE_ROUNDING[formatOf(config)]) / config.deadzone_tau;
  return (name, magnitudeOf) =>
    name.startsWith("deadzone_head.") ? share * magnitudeOf(name.replace("deadzone", "inertia")) : 0;
}

function tensorDeviations(
  group: "grads" | "params",
  parameters: readonly ParameterSlot[],
  found: Float64Array,
  expected: GoldenTensors | null,
  roundingOf: RoundingOf = () => 0,
): readonly StepDeviation[] {
  const magnitudeOf = (name: string): number => largestMagnitude(expected?.get(name) ?? new Float64Array(0));
  return parameters.flatMap(({ name, offset, length }) => {
    const tensor = expected?.get(name);
    if (!tensor) return [];
    const error = relativeError(found.subarray(offset, offset + length), tensor, roundingOf(name, magnitudeOf));
    return [{ group, name, error }];
  });
}

function normDeviations(
  group: "grads" | "params",
  parameters: readonly ParameterSlot[],
  found: Float64Array,
  norms: ReadonlyMap<string, number | null> | null,
  roundingOf: RoundingOf = () => 0,
): readonly StepDeviation[] {
  const magnitudeOf = (name: string): number => norms?.get(name) ?? 0;
  return parameters.flatMap(({ name, offset, length }) => {
    const norm = norms?.get(name) ?? null;
    if (norm === null) return [];
    const error = relativeNormError(found.subarray(offset, offset + length), norm, roundingOf(name, magnitudeOf));
    return [{ group, name: `norm of ${name}`, error }];
  });
}

function presenceMismatches(
  parameters: readonly ParameterSlot[],
  present: readonly boolean[],
  recorded: ReadonlyMap<string, unknown>,
): readonly StepMismatch[] {
  return parameters.flatMap(({ name }, i) => {
    if (!recorded.has(name)) return [];
    const expected = recorded.get(name) !== null;
    if (expected === present[i]) return [];
    const text = `gradient of ${name}: expected ${expected ? "one" : "null"}, found ${expected ? "null" : "one"}`;
    return [{ name, text }];
  });
}

/** The ways from each time step's pointers ([T, B]) to the next ones, without the last step's. */
function moves(from: Float64Array, to: Float64Array, ring_len: number, batch: number): Float64Array {
  return from.slice(0, from.length - batch).map((position, i) => wrapDistance(position, at(to, i), ring_len));
}

function traceDeviations(
  golden: RingGolden,
  step: GoldenStep,
  outcome: StepOutcome,
  forced: boolean,
): readonly StepDeviation[] {
  if (step.trace === null || outcome.trace === null) return [];
  const { ring_len: R, batch_size: B } = golden.config;
  const { pointers, centers, weights, hidden } = step.trace;
  const { trace } = outcome;
  const deviation = (name: string, error: number): StepDeviation => ({ group: "trace", name, error });
  return [
    deviation(
      "pointers",
      // A forced pointer is right by itself: what counts is how far each step moved it.
      forced
        ? relativeError(moves(trace.pointers, trace.next_pointers, R, B), moves(pointers, pointers.subarray(B), R, B))
        : ringError(trace.pointers, pointers, R),
    ),
    deviation("centers", relativeError(trace.centers, centers)),
    deviation("weights", relativeError(trace.weights, weights)),
    ...(hidden === null ? [] : [deviation("hidden", relativeError(trace.hidden, hidden))]),
  ];
}

/** Compares what `backend` did in its last step; `forced`: its pointers were forced to the recorded ones. */
export async function compareStep(
  golden: RingGolden,
  index: number,
  step: GoldenStep,
  backend: RingBackend,
  outcome: StepOutcome,
  forced: boolean,
): Promise<StepComparison> {
  const { parameters } = golden;
  const gradients = await backend.readGradients();
  const after = await backend.readParameters();
  const recorded = step.gradients ?? step.gradient_norms;
  const roundingOf = roundingOfSlopes(golden);
  const slots = step.last_pointer_slot ?? outcome.last_pointer_slot;
  const moved = slots.findIndex((slot, b) => slot !== outcome.last_pointer_slot[b]);
  const mismatches = [
    ...(recorded === null ? [] : presenceMismatches(parameters, gradients.present, recorded)),
    ...(moved < 0
      ? []
      : [
          {
            name: "read-out slot",
            text: `read-out slot of sample ${moved}: expected ${at(slots, moved)}, found ${at(outcome.last_pointer_slot, moved)}`,
          },
        ]),
  ];
  return {
    deviations: [
      { group: "logits", name: "", error: relativeError(outcome.logits, step.logits) },
      { group: "loss", name: "", error: relativeError(Float64Array.of(outcome.loss), Float64Array.of(step.loss)) },
      ...tensorDeviations("grads", parameters, gradients.values, step.gradients, roundingOf),
      ...normDeviations("grads", parameters, gradients.values, step.gradient_norms, roundingOf),
      ...tensorDeviations("params", parameters, after, step.parameters_after),
      ...normDeviations("params", parameters, after, step.parameter_norms),
      ...traceDeviations(golden, step, outcome, forced),
    ],
    mismatches: mismatches.map(({ name, text }) => ({ name, text: `step ${index}: ${text}` })),
    telemetry: compareTelemetry(index, step, outcome, golden.config),
  };
}

/** What `backend` did in its last step as a recording of the things that `like` has. */
export async function recordStep(
  { parameters }: RingGolden,
  like: GoldenStep,
  backend: RingBackend,
  outcome: StepOutcome,
): Promise<GoldenStep> {
  const { values, present } = await backend.readGradients();
  const after = await backend.readParameters();
  const tensors = (flat: Float64Array, has: readonly boolean[]): GoldenTensors =>
    new Map(
      parameters.map(({ name, offset, length }, i) => [
        name,
        has[i] === false ? null : flat.slice(offset, offset + length),
      ]),
    );
  const norms = (flat: Float64Array, has: readonly boolean[]): ReadonlyMap<string, number | null> =>
    new Map([...tensors(flat, has)].map(([name, tensor]) => [name, tensor === null ? null : euclideanNorm(tensor)]));
  const { trace } = outcome;
  return {
    ...like,
    logits: outcome.logits,
    loss: outcome.loss,
    last_pointer_slot: outcome.last_pointer_slot,
    gradients: like.gradients === null ? null : tensors(values, present),
    gradient_norms: like.gradient_norms === null ? null : norms(values, present),
    parameters_after: like.parameters_after === null ? null : tensors(after, []),
    parameter_norms: like.parameter_norms === null ? null : norms(after, []),
    trace:
      like.trace === null || trace === null
        ? null
        : {
            pointers: trace.pointers,
            centers: Float64Array.from(trace.centers),
            weights: trace.weights,
            hidden: like.trace.hidden === null ? null : trace.hidden,
          },
  };
}
