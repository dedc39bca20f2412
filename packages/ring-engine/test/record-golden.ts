import type { RingConfig } from "../src/backend.js";
import { initialParameters } from "../src/initial-parameters.js";
import { createReferenceBackend } from "../src/reference-backend.js";
import { ringBatch, stateLoopProjection } from "../src/ring-batch.js";

function rows(values: ArrayLike<number>, width: number): number[][] {
  const flat = Array.from(values);
  return Array.from({ length: flat.length / width }, (_, i) => flat.slice(i * width, (i + 1) * width));
}

/** Records a run of the reference engine in the form of the recorded runs; `precision` is what it claims to be recorded in. */
export async function recordGolden(config: RingConfig, seed: number, steps: number): Promise<string> {
  const backend = createReferenceBackend({ ...config, precision: "fp64" });
  backend.writeParameters(initialParameters(config, seed));
  const { synth_len: T, batch_size: B, slot_dim: D } = config;
  const tensors = (values: Float64Array, present?: readonly boolean[]): Record<string, number[] | null> =>
    Object.fromEntries(
      backend.parameters.map(({ name, offset, length }, i) => [
        name,
        present?.[i] === false ? null : [...values.subarray(offset, offset + length)],
      ]),
    );
  const norms = (values: Float64Array): Record<string, number> =>
    Object.fromEntries(
      backend.parameters.map(({ name, offset, length }) => [
        name,
        Math.hypot(...values.subarray(offset, offset + length)),
      ]),
    );
  const { x, y } = ringBatch(config, seed, 0);
  const units = Array.from({ length: steps }, (_, step) => ringBatch(config, seed, step).pointer_unit);
  const projection = stateLoopProjection(config, seed);
  const dtype: Readonly<Record<string, string>> = { fp64: "float64", fp32: "float32" };
  const params_init = tensors(backend.readParameters());
  const recorded: unknown[] = [];
  for (const [step, pointer_unit] of units.entries()) {
    const outcome = await backend.run({
      batch: { x, y, pointer_unit },
      mode: "train",
      trace: step === 0,
      state_loop_projection: projection,
    });
    const { values, present } = backend.readGradients();
    const trace = outcome.trace;
    const window = 2 * config.window_radius + 1;
    recorded.push({
      logits: rows(outcome.logits, config.num_classes),
      loss: outcome.loss,
      last_ptr_int: [...outcome.last_pointer_slot],
      move_penalty: outcome.telemetry.move_penalty,
      ptr_flip_rate: outcome.telemetry.flip_rate,
      grads: step === 0 ? tensors(values, present) : undefined,
      trace:
        trace === null
          ? undefined
          : Array.from({ length: T }, (_, t) => ({
              ptr_float: [...trace.pointers.subarray(t * B, (t + 1) * B)],
              centers: rows(trace.centers.subarray(t * B * window, (t + 1) * B * window), window),
              weights: rows(trace.weights.subarray(t * B * window, (t + 1) * B * window), window),
            })),
      h_trace: trace === null ? undefined : rows(trace.hidden, B * D),
      state_loop: outcome.state_loop ?? undefined,
      params_after_norm: norms(backend.readParameters()),
      params_after: step + 1 === steps ? tensors(backend.readParameters()) : undefined,
    });
  }
  backend.dispose();
  return JSON.stringify({
    name: "recorded",
    config: {
      ring_len: config.ring_len,
      slot_dim: D,
      synth_len: T,
      batch: B,
      expert_heads: config.expert_heads,
      num_classes: config.num_classes,
      ptr_dtype: dtype[config.ptr_dtype],
      param_dtype: dtype[config.precision],
      ptr_update_every: config.ptr_update_every,
      state_loop_samples: config.state_loop_samples,
      sensory_ring: config.sensory_ring,
      sensory_len: config.sensory_len,
      sensory_dim: config.sensory_dim,
      lr: config.learning_rate,
      betas: [config.adam_beta1, config.adam_beta2],
      eps: config.adam_epsilon,
    },
    x: [...x],
    y: [...y],
    ptr_init_unit: units.map((unit) => [...unit]),
    params_init,
    state_loop_proj: rows(projection, config.state_loop_dim),
    steps: recorded,
  });
}
