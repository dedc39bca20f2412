import {
  type Engine,
  type MemoryPrediction,
  type RingOptions,
  type RingStepSample,
  type Session,
  isRingEngineError,
  predictMemory,
  resolveRingOptions,
  runIdentity,
} from "@vrx/ring-engine";
import { HarnessError } from "../errors.js";
import {
  type StepReport,
  type Workload,
  type WorkloadDescription,
  type WorkloadFacts,
  type WorkloadRequest,
  type WorkloadSession,
} from "../workload.js";
import { executedBy, ringDevice, stepTimeMode, watchedRing } from "./ring-device.js";
import { ringMemory } from "./ring-memory.js";

/** Options of the ring model; the heads come from the probe. */
export type RingWorkloadOptions = Partial<Omit<RingOptions, "expert_heads">>;

/**
 * The ring as a workload, executed by `engine` in this process. With the same engine, thread count and seed its
 * losses are the same bit for bit. A request that the engine cannot execute is refused with `unsupported`.
 *
 * @example
 * const workload = ringWorkload(await createEngine("auto"));
 */
export function ringWorkload(engine: Engine, options: RingWorkloadOptions = {}): Workload {
  return watchedRing(engine, {
    name: "ring",
    describe: (request) => describeRing(engine, options, request),
    async prepare({ spec, heads, seed, warmup_steps, measure_steps }, signal) {
      const rss_before_bytes = process.memoryUsage.rss();
      let rss_peak_bytes = rss_before_bytes;
      let session: Session;
      try {
        session = await engine.prepare(spec, { ...options, expert_heads: heads }, { seed, signal });
      } catch (error) {
        return failedSession(error, engine);
      }
      const { held_bytes, prediction } = session.memory;
      let last: RingStepSample | null = null;

      async function* steps(): AsyncGenerator<StepReport, void, undefined> {
        for await (const sample of session.steps(warmup_steps + measure_steps)) {
          const rss_bytes = process.memoryUsage.rss();
          rss_peak_bytes = Math.max(rss_peak_bytes, rss_bytes);
          last = sample;
          yield { ...ringReport(sample), rss_bytes };
        }
      }

      return {
        facts: () => ({
          executed: executedBy(session),
          device: ringDevice(engine),
          ...gpuFacts(engine),
          extras: {
            ...(last?.loss_scaling === undefined ? {} : { loss_scaling: { ...last.loss_scaling } }),
            memory: ringMemory({
              predicted_bytes: prediction.total_bytes,
              held_bytes,
              rss_before_bytes,
              rss_peak_bytes,
            }),
          },
        }),
        steps,
        close: () => session.dispose(),
      };
    },
  });
}

/** What is known of a ring run before it starts; throws `unsupported` when the engine cannot execute it. */
export function describeRing(
  engine: Engine,
  options: RingWorkloadOptions,
  request: WorkloadRequest,
): WorkloadDescription {
  const ring_options = resolved(options, request);
  const support = engine.supports(request.spec, ring_options);
  if (support.status === "unsupported") {
    throw new HarnessError("unsupported", support.reason, {
      details: { reason: support.code, engines: support.engines },
    });
  }
  const { kind, version, threads, fallback } = engine;
  const { total_bytes } = predictRing(engine, options, request);
  return {
    engine: kind,
    engine_version: version,
    device: ringDevice(engine),
    threads,
    step_time_mode: stepTimeMode(engine),
    run_options: {
      ring_options: { ...ring_options },
      ring_digest: runIdentity(support.config, ring_options.context_scale_init).digest,
    },
    extras: {
      memory: ringMemory({
        predicted_bytes: total_bytes,
        held_bytes: null,
        rss_before_bytes: null,
        rss_peak_bytes: null,
      }),
    },
    notes: fallback === null ? [] : [`engine ${kind}: ${fallback.reason}; ${fallback.fix}`],
  };
}

/** What the engine will hold, from the sizes alone. */
export function predictRing(engine: Engine, options: RingWorkloadOptions, request: WorkloadRequest): MemoryPrediction {
  const { kind, threads, device } = engine;
  return predictMemory(request.spec, resolved(options, request), {
    engine: kind,
    threads,
    ...(device === null ? {} : { multiprocessors: device.multiprocessors }),
  });
}

/** A step of the engine as the harness takes it. */
export function ringReport({ time_s, loss, device_memory }: RingStepSample): StepReport {
  if (device_memory === undefined) return { time_s, loss };
  const { allocated_bytes, reserved_bytes } = device_memory;
  return { time_s, loss, vram_allocated_bytes: allocated_bytes, vram_reserved_bytes: reserved_bytes };
}

/** What is known of the GPU that the engine runs on. */
export function gpuFacts({ device }: Engine): Pick<WorkloadFacts, "gpu_name" | "total_vram_bytes"> {
  return device === null ? {} : { gpu_name: device.name, total_vram_bytes: device.total_bytes };
}

/** The peaks of device memory that an engine reached before it ran out of it; null where it did not, or has none. */
export function peaksOf(
  error: unknown,
): { readonly peak_vram_reserved_bytes: number; readonly peak_vram_allocated_bytes: number } | null {
  if (!isRingEngineError(error) || error.code !== "out_of_memory") return null;
  const { peak_reserved_bytes: reserved, peak_allocated_bytes: allocated } = error.details;
  if (typeof reserved !== "number" || typeof allocated !== "number") return null;
  return { peak_vram_reserved_bytes: reserved, peak_vram_allocated_bytes: allocated };
}

/** A set-up that a device had no memory for is a run that broke off: how far it came is worth keeping. */
function failedSession(error: unknown, engine: Engine): WorkloadSession {
  const peaks = peaksOf(error);
  if (peaks === null) throw error;
  return {
    facts: () => ({ device: ringDevice(engine), ...gpuFacts(engine), ...peaks }),
    steps: () => {
      throw error;
    },
  };
}

function resolved(options: RingWorkloadOptions, { heads }: WorkloadRequest): RingOptions {
  const read = resolveRingOptions({ ...options, expert_heads: heads });
  if (read.status === "ok") return read.options;
  const message = read.issues.map((issue) => issue.message).join("; ");
  throw new HarnessError("invalid_argument", message, { details: { issues: read.issues } });
}
