import { availableParallelism } from "node:os";
import { setImmediate as breathe } from "node:timers/promises";
import type { SpecInteger, WorkloadSpec } from "@vrx/workload-schema";
import type { ComputePrecision, EngineKind, PointerPrecision, RingBackend, RingBatch, RingConfig } from "./backend.js";
import { type CpuInstructionSet, createCpuBackend } from "./cpu-backend.js";
import { RingEngineError } from "./errors.js";
import { RING_MODEL_VERSION, runIdentity } from "./identity.js";
import { initialParameters } from "./initial-parameters.js";
import { parameterCount } from "./memory-parts.js";
import { predictMemory, requireMemory } from "./memory.js";
import { loadAddon } from "./native-addon.js";
import { type RingOptions, requireRingOptions } from "./options.js";
import { checkSeed } from "./random.js";
import { createReferenceBackend } from "./reference-backend.js";
import {
  LARGEST_SIZE,
  isComputePrecision,
  isPointerPrecision,
  oversized,
  ringConfig,
  ringShape,
} from "./ring-config.js";
import { type Session, createSession } from "./session.js";

/** What an engine can be asked for by name: `auto` is the fastest that is available here. */
export type EngineChoice = EngineKind | "auto";

export interface EngineOptions {
  /** Worker threads of the cpu engine, from 1 to 1024; the number of usable cores when left out. */
  readonly threads?: number;
  /** Instruction set of the cpu engine; the best this processor has when left out. */
  readonly instruction_set?: CpuInstructionSet;
}

/** Whether an engine can execute a workload; `engines` are those of this release that can. */
export type Support =
  | { readonly status: "ok"; readonly config: RingConfig }
  | {
      readonly status: "unsupported";
      readonly code: "precision" | "ptr_dtype" | "too_large";
      readonly reason: string;
      readonly engines: readonly EngineKind[];
    };

export interface PrepareOptions {
  /** 0 to 2^53 - 1: data, labels, initial values and pointers follow from it. */
  readonly seed: number;
  readonly signal?: AbortSignal;
  /**
   * The batch of each step, counted from 0, for training on data of your own; the workload's own random batches when
   * left out. It has to give the same batch for the same step, or a restored checkpoint does not go on as before.
   */
  readonly batches?: (step: number) => RingBatch;
}

/** Something that executes ring workloads. */
export interface Engine {
  readonly kind: EngineKind;
  readonly version: string;
  readonly precisions: readonly ComputePrecision[];
  readonly ptr_dtypes: readonly PointerPrecision[];
  readonly threads: number;
  /** `createEngine(kind, options)` makes the same engine again, in another process too. */
  readonly options: EngineOptions;
  /** Why this engine, where `auto` could not have a faster one: the reason and what to do; else null. */
  readonly fallback: { readonly reason: string; readonly fix: string } | null;
  /** Throws `invalid_options` for options that no engine takes. */
  supports(spec: WorkloadSpec<SpecInteger>, options?: Partial<RingOptions>): Support;
  /**
   * Makes the model of a workload. Rejects with `invalid_options`, `invalid_argument` (the seed), `unsupported`,
   * with `out_of_memory` before anything is allocated, or with the signal's reason.
   */
  prepare(
    spec: WorkloadSpec<SpecInteger>,
    options: Partial<RingOptions> | undefined,
    how: PrepareOptions,
  ): Promise<Session>;
  /** The bare model without data, for checks: parameters are zero until they are written. */
  createBackend(config: RingConfig): RingBackend;
}

type EngineParts = Pick<
  Engine,
  "kind" | "version" | "precisions" | "threads" | "options" | "fallback" | "createBackend"
>;

/** What the engines of this release compute in. */
const PRECISIONS: Readonly<Record<EngineKind, readonly ComputePrecision[]>> = {
  reference: ["fp64"],
  cpu: ["fp64", "fp32"],
  cuda: [],
};
const KINDS: readonly EngineKind[] = ["reference", "cpu", "cuda"];
const POINTER_PRECISIONS: readonly PointerPrecision[] = ["fp64", "fp32"];

/** The engines that compute in a format, as a clause. */
function whoCan(engines: readonly EngineKind[]): string {
  if (engines.length === 0) return "no engine of this release does (a CUDA engine is needed)";
  return `the ${engines.join(" and the ")} engine${engines.length > 1 ? "s do" : " does"}`;
}

function supportOf(
  kind: EngineKind,
  spec: WorkloadSpec<SpecInteger>,
  options: Partial<RingOptions> | undefined,
): Support {
  const resolved = requireRingOptions(options);
  const { precision, ptr_dtype } = spec.ant_spec;
  const large = oversized(ringShape(spec, resolved));
  const pointerOk = isPointerPrecision(ptr_dtype);
  const engines = KINDS.filter(
    (other) => isComputePrecision(precision) && PRECISIONS[other].includes(precision) && pointerOk && large === null,
  );
  const refuse = (code: "precision" | "ptr_dtype" | "too_large", reason: string): Support => ({
    status: "unsupported",
    code,
    reason,
    engines,
  });
  if (large !== null) {
    return refuse("too_large", `${large.name}: engines index at most ${LARGEST_SIZE}, the workload has ${large.value}`);
  }
  if (!isComputePrecision(precision) || !PRECISIONS[kind].includes(precision)) {
    const own = PRECISIONS[kind].join(" or ");
    const why = `the ${kind} engine computes in ${own}, not in ${precision}: ${whoCan(engines)}`;
    return refuse("precision", `${why}; with precision ${own} it is another workload, which this engine runs`);
  }
  if (!pointerOk) {
    const own = POINTER_PRECISIONS.join(" or ");
    return refuse("ptr_dtype", `the ${kind} engine keeps pointers in ${own}, not in ${ptr_dtype}: ${whoCan(engines)}`);
  }
  return { status: "ok", config: ringConfig(spec, resolved) };
}

/** What a failed allocation of JavaScript's own arrays is here. */
function asOutOfMemory(error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  return new RingEngineError("out_of_memory", `the engine's memory could not be allocated: ${error.message}`, {
    cause: error,
  });
}

function engineOf(parts: EngineParts): Engine {
  const { kind } = parts;
  return {
    ...parts,
    ptr_dtypes: POINTER_PRECISIONS,
    supports: (spec, options) => supportOf(kind, spec, options),
    prepare: async (spec, options, { seed, signal, batches }) => {
      signal?.throwIfAborted();
      checkSeed(seed);
      const support = supportOf(kind, spec, options);
      if (support.status === "unsupported") {
        throw new RingEngineError("unsupported", support.reason, {
          details: { reason: support.code, engines: support.engines },
        });
      }
      const { config } = support;
      const { context_scale_init } = requireRingOptions(options);
      const prediction = predictMemory(spec, options ?? {}, { engine: kind, threads: parts.threads });
      // The initial values cross the border once, in float64.
      requireMemory(prediction, undefined, 8 * parameterCount(config));
      await breathe();
      signal?.throwIfAborted();
      let backend: RingBackend | null = null;
      try {
        backend = parts.createBackend(config);
        backend.writeParameters(initialParameters(config, seed, context_scale_init));
        await breathe();
        signal?.throwIfAborted();
      } catch (error) {
        backend?.dispose();
        throw asOutOfMemory(error);
      }
      const identity = runIdentity(config, context_scale_init);
      return createSession(backend, {
        engine_version: parts.version,
        threads: parts.threads,
        seed,
        identity,
        prediction,
        ...(batches === undefined ? {} : { batches }),
      });
    },
  };
}

function referenceEngine(fallback: Engine["fallback"]): Engine {
  return engineOf({
    kind: "reference",
    version: `reference/${RING_MODEL_VERSION}`,
    precisions: PRECISIONS.reference,
    threads: 1,
    options: {},
    fallback,
    createBackend: createReferenceBackend,
  });
}

function cpuEngine(levels: readonly string[], options: EngineOptions): Engine {
  const { threads = availableParallelism(), instruction_set } = options;
  const cpuOptions = { threads, ...(instruction_set === undefined ? {} : { instruction_set }) };
  return engineOf({
    kind: "cpu",
    version: `cpu/${RING_MODEL_VERSION} (${instruction_set ?? levels.at(-1) ?? "generic"})`,
    precisions: PRECISIONS.cpu,
    threads,
    options: cpuOptions,
    fallback: null,
    createBackend: (config) => createCpuBackend(config, cpuOptions),
  });
}

function checkThreads(threads: number | undefined): void {
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= 1024)) return;
  throw new RingEngineError("invalid_argument", `threads: expected an integer from 1 to 1024, found ${threads}`);
}

/**
 * The engine of a name. `reference` always works, on one thread in fp64; `cpu` needs the compiled addon and
 * rejects with `engine_unavailable`, saying why and what to do; `auto` is `cpu` where the addon loads and
 * `reference` otherwise, with the reason in `fallback`. There is no `cuda` engine in this release.
 */
export async function createEngine(choice: EngineChoice, options: EngineOptions = {}): Promise<Engine> {
  // The addon is loaded in a later turn, so that a caller can show what it waits for.
  await breathe();
  checkThreads(options.threads);
  switch (choice) {
    case "reference":
      return referenceEngine(null);
    case "cpu":
    case "auto": {
      const load = loadAddon();
      if (load.status === "loaded") return cpuEngine(load.levels, options);
      if (choice === "auto") return referenceEngine({ reason: load.message, fix: load.fix });
      throw new RingEngineError("engine_unavailable", `${load.message}; ${load.fix}`, {
        details: { reason: load.reason, fix: load.fix },
        cause: load.cause,
      });
    }
    case "cuda":
      throw new RingEngineError("engine_unavailable", "this release has no cuda engine; use cpu, reference or auto", {
        details: { engines: ["cpu", "reference"] },
      });
  }
}
