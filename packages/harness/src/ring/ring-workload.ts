import {
  type Engine,
  type MemoryPrediction,
  type RingOptions,
  predictMemory,
  resolveRingOptions,
  runIdentity,
} from "@vrx/ring-engine";
import { HarnessError } from "../errors.js";
import {
  type StepReport,
  type Workload,
  type WorkloadDescription,
  type WorkloadRequest,
  cpuDevice,
} from "../workload.js";
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
  return {
    name: "ring",
    describe: (request) => describeRing(engine, options, request),
    async prepare({ spec, heads, seed, warmup_steps, measure_steps }, signal) {
      const rss_before_bytes = process.memoryUsage.rss();
      let rss_peak_bytes = rss_before_bytes;
      const session = await engine.prepare(spec, { ...options, expert_heads: heads }, { seed, signal });
      const { held_bytes, prediction } = session.memory;

      async function* steps(): AsyncGenerator<StepReport, void, undefined> {
        for await (const { time_s, loss } of session.steps(warmup_steps + measure_steps)) {
          const rss_bytes = process.memoryUsage.rss();
          rss_peak_bytes = Math.max(rss_peak_bytes, rss_bytes);
          yield { time_s, loss, rss_bytes };
        }
      }

      return {
        facts: () => ({
          executed: { precision: session.executed_precision, amp: false },
          device: cpuDevice,
          extras: {
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
  };
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
    device: cpuDevice,
    threads,
    step_time_mode: "perf_counter",
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
  return predictMemory(request.spec, resolved(options, request), { engine: engine.kind, threads: engine.threads });
}

function resolved(options: RingWorkloadOptions, { heads }: WorkloadRequest): RingOptions {
  const read = resolveRingOptions({ ...options, expert_heads: heads });
  if (read.status === "ok") return read.options;
  const message = read.issues.map((issue) => issue.message).join("; ");
  throw new HarnessError("invalid_argument", message, { details: { issues: read.issues } });
}
