// The ring on a GPU: agreement with the reference, the same bits twice, memory, and the time of a step.
import {
  countFlops,
  createEngine,
  initialParameters,
  predictMemory,
  requireRingOptions,
  ringBatch,
  ringConfig,
} from "@vrx/ring-engine";
import { presets } from "@vrx/workload-schema";

const onHardware = (check) => Object.assign(check, { needs_hardware: true });
const seed = 11;

/** The cuda engine on the host's device. */
const engineOf = ({ device, driver, simulated }) =>
  createEngine("cuda", { device: device.uuid, ...(simulated ? { driver: driver.file } : {}) });

/** A spec of these sizes, small enough for the reference. */
function specOf(precision, { ring_len = 96, slot_dim = 48, synth_len = 12, batch_size = 6 }) {
  return {
    schema_version: "workload_schema_v1",
    ant_spec: { ring_len, slot_dim, ptr_dtype: "fp64", precision },
    colony_spec: { seq_len: synth_len, synth_len, batch_size, ptr_update_every: 1, state_loop_samples: 0 },
  };
}

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const apart = (found, expected) => largest(found.map((value, i) => value - expected[i])) / largest(expected);

/** How far one training step is from the reference, pointers from its trace: logits, gradients, and parameters after it. */
async function deviation(host, precision, sizes = {}, options = {}) {
  const config = ringConfig(specOf(precision, sizes), requireRingOptions(options));
  const initial = initialParameters(config, seed);
  const run = async (engine, its, forced) => {
    const backend = await engine.createBackend(its);
    try {
      await backend.writeParameters(initial);
      const request = { batch: ringBatch(config, seed, 0), mode: "train", trace: true };
      const outcome = await backend.run(forced === undefined ? request : { ...request, forced_pointers: forced });
      return { outcome, gradients: (await backend.readGradients()).values, parameters: await backend.readParameters() };
    } finally {
      backend.dispose();
    }
  };
  const expected = await run(await createEngine("reference"), { ...config, precision: "fp64" });
  const found = await run(await engineOf(host), config, expected.outcome.trace.pointers);
  return Math.max(
    apart(found.outcome.logits, expected.outcome.logits),
    apart(found.gradients, expected.gradients),
    largest(found.parameters.map((value, i) => value - expected.parameters[i])),
  );
}

const agrees =
  (precision, limit, sizes = {}, options = {}) =>
  async (host) => {
    const error = await deviation(host, precision, sizes, options);
    return error < limit || `expected an error below ${limit}, found ${error}`;
  };

/** Some steps of a spec, with the session's memory and its last checkpoint. */
async function train(host, spec, steps, options = {}) {
  const session = await (await engineOf(host)).prepare(spec, options, { seed });
  try {
    const samples = [];
    for await (const sample of session.steps(steps)) samples.push(sample);
    return { samples, memory: session.memory, checkpoint: await session.checkpoint() };
  } finally {
    session.dispose();
  }
}

const withPrecision = (spec, precision) => ({ ...spec, ant_spec: { ...spec.ant_spec, precision } });

export const checks = {
  "it agrees with the reference in fp64": agrees("fp64", 1e-9),
  "it agrees with the reference in fp32": agrees("fp32", 1e-3),
  "it agrees where the sensory state comes back to it": agrees("fp64", 1e-9, {}, { sensory_len: 5 }),
  "it agrees where weights do not fit into shared memory": onHardware(
    agrees("fp64", 1e-9, { slot_dim: 1200, synth_len: 3, batch_size: 20 }),
  ),
  "it stays within a few roundings in fp16": agrees("fp16", 32 * 2 ** -11),
  "it stays within a few roundings in bf16": agrees("bf16", 32 * 2 ** -8),
  "it gives the same bits twice, in every precision": async (host) => {
    const spec = host.simulated ? specOf("fp32", { slot_dim: 12 }) : presets.od1_small;
    for (const precision of ["fp32", "fp64", "fp16", "bf16"]) {
      const [a, b] = [
        await train(host, withPrecision(spec, precision), 3),
        await train(host, withPrecision(spec, precision), 3),
      ];
      if (Buffer.compare(a.checkpoint, b.checkpoint) !== 0) return `the checkpoints differ in ${precision}`;
    }
    return true;
  },
  "it holds the memory that was predicted": async (host) => {
    const { memory } = await train(host, host.simulated ? specOf("fp32", {}) : presets.od1_real, 1);
    const [held, predicted] = [memory.held_bytes, memory.prediction.total_bytes];
    return held === predicted || `expected ${predicted} bytes, found ${held}`;
  },
  "rings of all time steps that do not fit are out of memory, with the peak that was reached": async (host) => {
    const { total_bytes } = host.device;
    // Of twice the device's memory, whatever the device: rings that long.
    const [slot_dim, synth_len, batch_size] = [64, 64, 4];
    const ring_len = Math.round((2 * total_bytes) / (4 * batch_size * slot_dim * synth_len));
    const large = specOf("fp32", { ring_len, slot_dim, synth_len, batch_size });
    const options = { ring_history: "materialized" };
    const { total_bytes: needed } = predictMemory(large, options, { engine: "cuda" });
    const failure = await (await engineOf(host)).prepare(large, options, { seed }).then(
      (session) => session.dispose(),
      (error) => error,
    );
    if (failure?.code !== "out_of_memory") return `expected out_of_memory of ${needed} bytes, found ${String(failure)}`;
    const peak = failure.details.peak_allocated_bytes;
    return (peak > total_bytes / 2 && peak <= total_bytes) || `a peak of ${peak} bytes of ${total_bytes}`;
  },
};

/** Milliseconds of a training step, and what that is of the arithmetic. */
export async function* figures(host) {
  if (host.simulated) return;
  for (const [preset, spec] of Object.entries({ od1_small: presets.od1_small, od1_real: presets.od1_real })) {
    for (const precision of ["fp32", "bf16", "fp16"]) {
      const { samples } = await train(host, withPrecision(spec, precision), 40);
      const times = samples.slice(10).map(({ time_s }) => time_s);
      const seconds = times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
      yield { name: `${preset}, ${precision}: a training step`, value: 1000 * seconds, unit: "ms" };
      yield {
        name: `${preset}, ${precision}: useful arithmetic`,
        value: countFlops(spec).per_step / seconds / 1e12,
        unit: "TFLOP/s",
      };
    }
  }
}
