import type {
  ComputePrecision,
  DeviceMemory,
  EngineKind,
  LossScaling,
  PointerTelemetry,
  RingBackend,
  RingBatch,
  RingConfig,
  StateLoopTelemetry,
} from "./backend.js";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.js";
import type { Disposes } from "./disposes.js";
import type { EngineDevice } from "./engine-device.js";
import { RingEngineError } from "./errors.js";
import type { RunIdentity } from "./identity.js";
import { at } from "./internal/vector.js";
import { type MemoryPrediction, predictionError } from "./memory.js";
import { ringBatch, stateLoopProjection } from "./ring-batch.js";

/** What one training step was. */
export interface RingStepSample {
  /** Counts from 0 over the life of the run, checkpoints included. */
  readonly step: number;
  /** Forward, backward and Adam, in seconds, by the device's clock where it has one; making the batch is not in it. */
  readonly time_s: number;
  /** Mean cross-entropy before the step's update; NaN and infinities are what they are. */
  readonly loss: number;
  readonly telemetry: PointerTelemetry;
  readonly state_loop: StateLoopTelemetry | null;
  /** How the loss was scaled, and whether the update was skipped; absent but in fp16. */
  readonly loss_scaling?: LossScaling;
  /** Bytes on the device at the end of the step; absent where the engine uses the host's memory. */
  readonly device_memory?: DeviceMemory;
}

/** What a model makes of a batch without learning from it. */
export interface Evaluation {
  readonly loss: number;
  /** Share of samples whose label has the largest logit. */
  readonly accuracy: number;
  /** [B, C] row-major. */
  readonly logits: Float64Array;
  readonly telemetry: PointerTelemetry;
}

/** Bytes: what was predicted before the run, and what the engine says it holds. */
export interface SessionMemory {
  readonly prediction: MemoryPrediction;
  readonly held_bytes: number;
  /** (predicted - held) / held */
  readonly prediction_error: number;
}

interface SessionMembers {
  readonly engine: EngineKind;
  /** Version of the engine, with the instruction set where it has a choice. */
  readonly engine_version: string;
  /** What is computed in; of a spec in `amp` it is fp16. */
  readonly executed_precision: ComputePrecision;
  readonly threads: number;
  readonly seed: number;
  readonly config: RingConfig;
  readonly identity: RunIdentity;
  readonly memory: SessionMemory;
  /** Training steps done so far. */
  readonly completed_steps: number;
  /** Where it runs; null on the host. */
  readonly device: EngineDevice | null;
  /** One training step on the next batch. Rejects with `busy` while another is running. */
  step(): Promise<RingStepSample>;
  /** `count` training steps, as they are asked for; ends with the signal's reason between two steps when aborted. */
  steps(count: number, options?: { readonly signal?: AbortSignal }): AsyncIterable<RingStepSample>;
  /** Forward only: neither parameters nor the next training step change. */
  evaluate(batch: RingBatch): Promise<Evaluation>;
  /** Everything needed to go on bit for bit, on the same engine with the same number of threads. */
  checkpoint(): Promise<Uint8Array>;
  /** Goes back (or on) to a checkpoint of the same identity and seed; nothing changes when the bytes are refused. */
  restore(bytes: Uint8Array): Promise<void>;
  /** Releases the engine's memory, after the running step if there is one. Again is fine. */
  dispose(): void;
}

/** A prepared workload: a model, its optimizer and the stream of its batches. */
export type Session = SessionMembers & Disposes;

export interface SessionFacts {
  readonly device: EngineDevice | null;
  readonly engine_version: string;
  readonly threads: number;
  readonly seed: number;
  readonly identity: RunIdentity;
  readonly prediction: MemoryPrediction;
  /** Where batches come from, by step; the workload's own random ones when left out. */
  readonly batches?: (step: number) => RingBatch;
}

function accuracyOf(logits: Float64Array, labels: Int32Array): number {
  const classes = logits.length / labels.length;
  const hits = labels.filter((label, b) => {
    const row = logits.subarray(b * classes, (b + 1) * classes);
    return row.every((logit) => logit <= at(row, label));
  });
  return hits.length / labels.length;
}

/** A session over a backend whose parameters are set; it owns the backend. */
export function createSession(backend: RingBackend, facts: SessionFacts): Session {
  const { config } = backend;
  const { seed, identity } = facts;
  const makeBatch = facts.batches ?? ((step: number) => ringBatch(config, seed, step));
  const projection = config.state_loop_samples > 0 ? stateLoopProjection(config, seed) : null;
  let completed = 0;
  let next: { readonly step: number; readonly batch: RingBatch } | null = null;
  let running = false;
  let disposed = false;
  let released = false;

  const requireIdle = (): void => {
    if (disposed) throw new RingEngineError("disposed", "this session was disposed of: prepare another one");
    if (running) throw new RingEngineError("busy", "a step of this session is still running: await it first");
  };
  const release = (): void => {
    if (released || running) return;
    released = true;
    backend.dispose();
  };
  const exclusively = async <T>(work: () => Promise<T>): Promise<T> => {
    requireIdle();
    running = true;
    try {
      return await work();
    } finally {
      running = false;
      if (disposed) release();
    }
  };
  const batchOf = (step: number): RingBatch => {
    if (next?.step !== step) next = { step, batch: makeBatch(step) };
    return next.batch;
  };
  const requestOf = (batch: RingBatch) => ({
    batch,
    ...(projection === null ? {} : { state_loop_projection: projection }),
  });

  const step = async (): Promise<RingStepSample> => {
    requireIdle();
    const index = completed;
    const batch = batchOf(index);
    let time_s = 0;
    const outcome = await exclusively(async () => {
      const start = performance.now();
      const stepping = backend.run({ ...requestOf(batch), mode: "train" }).finally(() => {
        time_s = (performance.now() - start) / 1000;
      });
      // The next batch is made while a native engine computes.
      // What the source of a caller throws is for the step that needs the batch, not for the one that is running.
      try {
        next = { step: index + 1, batch: makeBatch(index + 1) };
      } catch {
        next = null;
      }
      return stepping;
    });
    completed = index + 1;
    const { loss, telemetry, state_loop, loss_scaling, device_time_s } = outcome;
    const device_memory = backend.deviceMemory?.();
    return {
      step: index,
      time_s: device_time_s ?? time_s,
      loss,
      telemetry,
      state_loop,
      ...(loss_scaling === undefined ? {} : { loss_scaling }),
      ...(device_memory === undefined ? {} : { device_memory }),
    };
  };

  const dispose = (): void => {
    disposed = true;
    release();
  };

  const members: SessionMembers = {
    engine: backend.kind,
    engine_version: facts.engine_version,
    executed_precision: config.precision,
    threads: facts.threads,
    seed,
    config,
    identity,
    device: facts.device,
    get memory() {
      const held_bytes = backend.memoryBytes();
      return {
        prediction: facts.prediction,
        held_bytes,
        prediction_error: predictionError(facts.prediction, held_bytes),
      };
    },
    get completed_steps() {
      return completed;
    },
    step,
    async *steps(count, { signal } = {}) {
      if (!Number.isSafeInteger(count) || count < 0) {
        throw new RingEngineError("invalid_argument", `steps: expected a count from 0 on, found ${count}`);
      }
      for (let i = 0; i < count; i++) {
        signal?.throwIfAborted();
        yield await step();
      }
    },
    evaluate: async (batch) => {
      const outcome = await exclusively(() => backend.run({ ...requestOf(batch), mode: "forward" }));
      const { loss, logits, telemetry } = outcome;
      return { loss, accuracy: accuracyOf(logits, batch.y), logits, telemetry };
    },
    checkpoint: () =>
      exclusively(async () =>
        writeCheckpoint({
          identity: identity.digest,
          seed,
          steps: completed,
          parameters: await backend.readParameters(),
          optimizer: await backend.readOptimizer(),
        }),
      ),
    restore: async (bytes) => {
      requireIdle();
      const state = readCheckpoint(bytes);
      const mismatch = (what: string, expected: string | number, found: string | number): RingEngineError =>
        new RingEngineError(
          "checkpoint_mismatch",
          `checkpoint of another run: expected ${what} ${expected}, found ${found}`,
        );
      if (state.identity !== identity.digest) throw mismatch("identity", identity.digest, state.identity);
      if (state.seed !== seed) throw mismatch("seed", seed, state.seed);
      const slots = backend.parameters.length;
      if (state.optimizer.updates.length !== slots) throw mismatch("parameters", slots, state.optimizer.updates.length);
      await exclusively(async () => {
        await backend.writeParameters(state.parameters);
        await backend.writeOptimizer(state.optimizer);
      });
      completed = state.steps;
    },
    dispose,
  };
  return Object.defineProperty(members, Symbol.dispose, { value: dispose }) as Session;
}
