import type { HostBackend, OptimizerState, RingConfig, StepOutcome, StepRequest, StepTrace } from "./backend.js";
import { RingEngineError } from "./errors.js";
import { adamUpdate } from "./internal/adam.js";
import { crossEntropy } from "./internal/cross-entropy.js";
import { modelViews } from "./internal/model-views.js";
import { type RingPass, pointerRounding, ringBackward, ringForward } from "./internal/ring-pass.js";
import { checkStepRequest } from "./internal/step-request.js";
import {
  type PointerWatch,
  pointerTelemetry,
  stateLoopTelemetry,
  watchPointer,
  watchStates,
} from "./internal/telemetry.js";
import { at, row } from "./internal/vector.js";
import { referenceMemory, totalBytes } from "./memory-parts.js";
import { type ParameterSlot, parameterLayout } from "./parameters.js";

/** The pointer's way has slope only into later time steps: a single step trains none of these. */
const movesPointer = /^(theta_ptr_reduced|theta_gate_reduced|jump_score|inertia_head|deadzone_head|walk_head)/;

/** Which parameters a batch gives gradients, by the expert heads its read-outs used. */
function gradientPresence(
  layout: readonly ParameterSlot[],
  config: RingConfig,
  usedHeads: ReadonlySet<number>,
): readonly boolean[] {
  return layout.map(({ name }) => {
    const expert = /^head\.experts\.(\d+)\./.exec(name)?.[1];
    if (expert !== undefined) return usedHeads.has(Number(expert));
    if (name.startsWith("input_proj")) return !config.sensory_ring;
    return movesPointer.test(name) ? config.synth_len > 1 : true;
  });
}

function emptyTrace({ synth_len: T, batch_size: B, slot_dim: D, window_radius }: RingConfig): StepTrace {
  const W = 2 * window_radius + 1;
  return {
    pointers: new Float64Array(T * B),
    next_pointers: new Float64Array(T * B),
    centers: new Int32Array(T * B * W),
    weights: new Float64Array(T * B * W),
    hidden: new Float64Array(T * B * D),
  };
}

function recordTrace(trace: StepTrace, b: number, { steps }: RingPass, B: number): void {
  for (const [t, step] of steps.entries()) {
    const index = t * B + b;
    trace.pointers[index] = step.pointer;
    trace.next_pointers[index] = step.next_pointer;
    trace.centers.set(step.window.centers, index * step.window.centers.length);
    trace.weights.set(step.window.weights, index * step.window.weights.length);
    trace.hidden.set(step.gru.hidden, index * step.gru.hidden.length);
  }
}

/** Lets timers and signals run between two samples. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * The oracle: the ring model in float64, written to be read. One sample after the other goes through
 * forward and backward, so that one ring and one ring-sized gradient are all there is.
 * Computes in fp64 only (throws `unsupported` otherwise); a pointer format of fp32 is obeyed by rounding
 * every pointer, way and weight to it.
 */
export function createReferenceBackend(config: RingConfig): HostBackend {
  if (config.precision !== "fp64") {
    throw new RingEngineError("unsupported", `the reference engine computes in fp64, not in ${config.precision}`, {
      details: { engines: ["cpu"] },
    });
  }
  const layout = parameterLayout(config);
  const size = layout.reduce((total, { length }) => total + length, 0);
  const parameters = new Float64Array(size);
  const gradients = new Float64Array(size);
  const first_moment = new Float64Array(size);
  const second_moment = new Float64Array(size);
  const updates = new Int32Array(layout.length);
  const model = modelViews(layout, parameters);
  const gradient = modelViews(layout, gradients);
  const { batch_size: B, synth_len: T, ring_len: R, num_classes: C } = config;
  let present: readonly boolean[] = layout.map(() => false);
  let state: "idle" | "running" | "disposed" = "idle";

  const requireIdle = (): void => {
    if (state === "running") throw new RingEngineError("busy", "a step is still running: await it first");
    if (state === "disposed") throw new RingEngineError("disposed", "this backend was disposed of");
  };
  const requireLength = (values: Float64Array | Int32Array, length: number, what: string): void => {
    if (values.length === length) return;
    throw new RingEngineError("invalid_argument", `${what}: expected ${length} values, found ${values.length}`);
  };

  const applyAdam = (): void => {
    for (const [i, slot] of layout.entries()) {
      if (present[i] !== true) continue;
      const part = (values: Float64Array): Float64Array => values.subarray(slot.offset, slot.offset + slot.length);
      const count = at(updates, i) + 1;
      updates[i] = count;
      adamUpdate(part(parameters), part(gradients), part(first_moment), part(second_moment), count, config);
    }
  };

  const step = async (request: StepRequest): Promise<StepOutcome> => {
    const { batch, mode, forced_pointers, state_loop_projection } = request;
    const round = pointerRounding(config);
    const logits = new Float64Array(B * C);
    const slots = new Int32Array(B);
    const heads = new Set<number>();
    const pointers: PointerWatch[] = [];
    const states: (readonly number[])[] = [];
    const trace = request.trace === true ? emptyTrace(config) : null;
    let loss = 0;
    if (mode !== "forward") gradients.fill(0);
    for (let b = 0; b < B; b++) {
      if (b > 0) await breathe();
      const start = round(round(at(batch.pointer_unit, b)) * (R - 1));
      const forced = forced_pointers
        ? Array.from({ length: T }, (_, t) => round(at(forced_pointers, t * B + b)))
        : null;
      const pass = ringForward(model, config, row(batch.x, b, T), start, forced);
      const sample = crossEntropy(pass.logits, at(batch.y, b));
      const dLogits = sample.dLogits.map((slope) => slope / B);
      if (mode !== "forward") ringBackward(model, config, pass, dLogits, gradient);
      loss += sample.loss / B;
      logits.set(pass.logits, b * C);
      slots[b] = pass.slot;
      heads.add(pass.head);
      pointers.push(watchPointer(pass, config));
      if (b < config.state_loop_samples && state_loop_projection !== undefined) {
        states.push(watchStates(pass, config.state_loop_dim, state_loop_projection));
      }
      if (trace !== null) recordTrace(trace, b, pass, B);
    }
    if (mode !== "forward") present = gradientPresence(layout, config, heads);
    if (mode === "train") applyAdam();
    return {
      loss,
      logits,
      last_pointer_slot: slots,
      telemetry: pointerTelemetry(pointers, config),
      state_loop: states.length === 0 ? null : stateLoopTelemetry(states, config.state_loop_dim),
      trace,
    };
  };

  return {
    kind: "reference",
    config,
    parameters: layout,
    readParameters: () => parameters.slice(),
    writeParameters: (values) => {
      requireIdle();
      requireLength(values, size, "parameters");
      parameters.set(values);
    },
    readGradients: () => ({ values: gradients.slice(), present: [...present] }),
    readOptimizer: () => ({
      first_moment: first_moment.slice(),
      second_moment: second_moment.slice(),
      updates: updates.slice(),
    }),
    writeOptimizer: (optimizer: OptimizerState) => {
      requireIdle();
      requireLength(optimizer.first_moment, size, "first moments");
      requireLength(optimizer.second_moment, size, "second moments");
      requireLength(optimizer.updates, layout.length, "update counts");
      first_moment.set(optimizer.first_moment);
      second_moment.set(optimizer.second_moment);
      updates.set(optimizer.updates);
    },
    run: async (request) => {
      requireIdle();
      checkStepRequest(request, config);
      state = "running";
      try {
        return await step(request);
      } finally {
        state = "idle";
      }
    },
    memoryBytes: () => totalBytes(referenceMemory(config)),
    dispose: () => {
      requireIdle();
      state = "disposed";
    },
  };
}
