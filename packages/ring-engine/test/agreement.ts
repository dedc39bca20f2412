import type { Awaitable, RingBackend, RingConfig, StepOutcome } from "../src/backend.js";
import { relativeError, ringError } from "../src/internal/relative-error.js";
import { initialParameters } from "../src/initial-parameters.js";
import { createReferenceBackend } from "../src/reference-backend.js";
import { ringBatch, stateLoopProjection } from "../src/ring-batch.js";

/** How far a backend is from the reference over some training steps, by group; `differences` are those that are no matter of size. */
export interface Agreement {
  readonly errors: Readonly<
    Record<"logits" | "loss" | "gradients" | "parameters" | "moments" | "trace" | "telemetry", number>
  >;
  readonly differences: readonly string[];
}

/**
 * Trains both on the same batches from the same start. Each time step of the candidate starts from the
 * reference's pointer, since the pointers' dynamics are chaotic; where a step moves the pointer to is compared
 * as part of the trace. After each training step the candidate goes on from the reference's parameters and
 * moments, so that differences do not add up. Both backends are disposed of.
 */
export async function compareWithReference(
  config: RingConfig,
  seed: number,
  steps: number,
  createCandidate: (config: RingConfig) => Awaitable<RingBackend>,
): Promise<Agreement> {
  const reference = createReferenceBackend({ ...config, precision: "fp64" });
  const candidate = await createCandidate(config);
  const floor = config.precision === "fp64" ? 1e-6 : 1e-3;
  const errors = { logits: 0, loss: 0, gradients: 0, parameters: 0, moments: 0, trace: 0, telemetry: 0 };
  const differences: string[] = [];
  const note = (group: keyof typeof errors, error: number): void => {
    errors[group] = Math.max(errors[group], error);
  };
  const initial = initialParameters(config, seed);
  reference.writeParameters(initial);
  await candidate.writeParameters(initial);
  const projection = stateLoopProjection(config, seed);
  for (let step = 0; step < steps; step++) {
    const request = {
      batch: ringBatch(config, seed, step),
      mode: "train",
      trace: true,
      state_loop_projection: projection,
    } as const;
    const expected = await reference.run(request);
    const found = await candidate.run({ ...request, forced_pointers: expected.trace!.pointers });
    note("logits", relativeError(found.logits, expected.logits));
    note("loss", relativeError(Float64Array.of(found.loss), Float64Array.of(expected.loss)));
    note("trace", traceError(config, found, expected));
    for (const name of ["move_penalty", "delta_raw_mean"] as const) {
      note("telemetry", Math.abs(found.telemetry[name] - expected.telemetry[name]));
    }
    if (found.last_pointer_slot.join() !== expected.last_pointer_slot.join()) {
      differences.push(
        `step ${step}: slots ${expected.last_pointer_slot.join()} and ${found.last_pointer_slot.join()}`,
      );
    }
    if ((found.state_loop === null) !== (expected.state_loop === null)) {
      differences.push(
        `step ${step}: state loop ${JSON.stringify(expected.state_loop)} and ${JSON.stringify(found.state_loop)}`,
      );
    }
    const [slopes, expectedSlopes] = [await candidate.readGradients(), reference.readGradients()];
    const [moments, expectedMoments] = [await candidate.readOptimizer(), reference.readOptimizer()];
    const [parameters, expectedParameters] = [await candidate.readParameters(), reference.readParameters()];
    const scale = largest(expectedSlopes.values);
    for (const [i, { name, offset, length }] of reference.parameters.entries()) {
      const part = (values: Float64Array): Float64Array => values.subarray(offset, offset + length);
      if (slopes.present[i] !== expectedSlopes.present[i]) {
        differences.push(
          `step ${step}: gradient of ${name} is ${expectedSlopes.present[i] ? "there" : "null"} in one only`,
        );
      }
      if (moments.updates[i] !== expectedMoments.updates[i]) differences.push(`step ${step}: updates of ${name}`);
      note("gradients", errorAbove(part(slopes.values), part(expectedSlopes.values), floor * scale));
      const squares = part(expectedMoments.second_moment).map(Math.sqrt);
      note("moments", errorAbove(part(moments.first_moment), part(expectedMoments.first_moment), floor * scale));
      note("moments", errorAbove(part(moments.second_moment).map(Math.sqrt), squares, floor * scale));
      // An Adam step moves a weight by about the learning rate, whatever its size.
      const difference = part(parameters).map((value, k) => value - part(expectedParameters)[k]!);
      note(
        "parameters",
        difference.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
      );
    }
    await candidate.writeParameters(expectedParameters);
    await candidate.writeOptimizer(expectedMoments);
  }
  reference.dispose();
  candidate.dispose();
  return { errors, differences };
}

function largest(values: Float64Array): number {
  return values.reduce((found, value) => Math.max(found, Math.abs(value)), 0);
}

/** Differences over the largest expected magnitude, or over `floor` where that is larger: what cancels to nothing is noise. */
function errorAbove(found: Float64Array, expected: Float64Array, floor: number): number {
  const difference = largest(found.map((value, i) => value - expected[i]!));
  return difference === 0 ? 0 : difference / Math.max(largest(expected), floor);
}

function traceError(config: RingConfig, found: StepOutcome, expected: StepOutcome): number {
  const [a, b] = [found.trace!, expected.trace!];
  return Math.max(
    ringError(a.next_pointers, b.next_pointers, config.ring_len),
    relativeError(a.centers, b.centers),
    relativeError(a.weights, b.weights),
    relativeError(a.hidden, b.hidden),
  );
}
