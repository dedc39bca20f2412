import { availableMemory } from "./internal/available-memory.js";
import type { SpecInteger, WorkloadSpec } from "@vrx/workload-schema";
import type { EngineKind } from "./backend.js";
import { RingEngineError } from "./errors.js";
import { type MemoryParts, cpuMemory, cudaMemory, referenceMemory, totalBytes } from "./memory-parts.js";
import { type RingOptions, requireRingOptions } from "./options.js";
import { executedPrecision, isPointerPrecision, ringShape } from "./ring-config.js";

/** What a run is expected to hold, in bytes; Infinity where a size is beyond all numbers. */
export interface MemoryPrediction {
  readonly engine: EngineKind;
  readonly parts: MemoryParts;
  readonly total_bytes: number;
}

export interface MemoryOptions {
  readonly engine: EngineKind;
  /** Worker threads of the cpu engine; 1 when left out. */
  readonly threads?: number;
  /** Of the cuda engine's device: how its work is cut changes a few per cent; those of an H100 or H200 when left out. */
  readonly multiprocessors?: number;
}

/**
 * Predicts what an engine allocates for a workload, from its sizes alone: nothing is allocated, no addon is
 * loaded, and sizes of any magnitude are taken. The cpu engine's figure is that of its one block of memory, of
 * which only what is used becomes resident. Formats the engine does not compute in are counted as fp64.
 * The cuda engine's is that of the device. Throws `invalid_options`.
 */
export function predictMemory(
  spec: WorkloadSpec<SpecInteger>,
  options: Partial<RingOptions>,
  { engine, threads = 1, multiprocessors = 132 }: MemoryOptions,
): MemoryPrediction {
  const shape = ringShape(spec, requireRingOptions(options));
  const { precision, ptr_dtype } = spec.ant_spec;
  const formats = {
    precision: precision === "fp32" ? "fp32" : "fp64",
    ptr_dtype: isPointerPrecision(ptr_dtype) ? ptr_dtype : "fp64",
  } as const;
  const parts = ((): MemoryParts => {
    switch (engine) {
      case "reference":
        return referenceMemory(shape);
      case "cpu":
        return cpuMemory({ ...shape, ...formats }, threads);
      case "cuda":
        return cudaMemory({ ...shape, ...formats, precision: executedPrecision(precision) }, multiprocessors);
    }
  })();
  const total_bytes = totalBytes(parts);
  // Products of sizes beyond all numbers may be none at all.
  return { engine, parts, total_bytes: Number.isNaN(total_bytes) ? Infinity : total_bytes };
}

/** (predicted - measured) / measured: above 0 where more was predicted than held. */
export function predictionError(prediction: MemoryPrediction, measured_bytes: number): number {
  return (prediction.total_bytes - measured_bytes) / measured_bytes;
}

/**
 * Throws `out_of_memory`, before anything is allocated, when the prediction (and `extra_bytes` beside it)
 * exceeds what this process may have.
 */
export function requireMemory(
  prediction: MemoryPrediction,
  available_bytes: number = availableMemory(),
  extra_bytes = 0,
): void {
  const needed = prediction.total_bytes + extra_bytes;
  if (needed <= available_bytes) return;
  throw new RingEngineError(
    "out_of_memory",
    `the workload needs about ${inUnits(needed)} on the ${prediction.engine} engine, and ${inUnits(available_bytes)} ` +
      "can be allocated here: make ring_len, slot_dim, synth_len or batch_size smaller",
    { details: { predicted_bytes: prediction.total_bytes, available_bytes, parts: prediction.parts } },
  );
}

function inUnits(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toPrecision(4)} GB`;
}
