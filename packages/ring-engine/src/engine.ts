import { availableParallelism } from "node:os";
import { setImmediate as breathe } from "node:timers/promises";
import type { SpecInteger, WorkloadSpec } from "@vrx/workload-schema";
import type {
  Awaitable,
  ComputePrecision,
  EngineKind,
  PointerPrecision,
  RingBackend,
  RingBatch,
  RingConfig,
} from "./backend.js";
import { type CpuInstructionSet, createCpuBackend } from "./cpu-backend.js";
import { createCudaBackend, cudaRefusal } from "./cuda-backend.js";
import type { EngineDevice } from "./engine-device.js";
import { RingEngineError } from "./errors.js";
import { RING_MODEL_VERSION, runIdentity } from "./identity.js";
import { initialParameters } from "./initial-parameters.js";
import { parameterCount } from "./memory-parts.js";
import { predictMemory, requireMemory } from "./memory.js";
import { loadAddon } from "./native-addon.js";
import { type RingOptions, requireRingOptions } from "./options.js";
import { checkSeed } from "./random.js";
import { createReferenceBackend } from "./reference-backend.js";
import { LARGEST_SIZE, executedPrecision, isPointerPrecision, oversized, ringShape } from "./ring-config.js";
import { type Session, createSession } from "./session.js";

/** What an engine can be asked for by name: `auto` is the fastest that is available here. */
export type EngineChoice = EngineKind | "auto";

export interface EngineOptions {
  /** Worker threads of the cpu engine, from 1 to 1024; the number of usable cores when left out. */
  readonly threads?: number;
  /** Instruction set of the cpu engine; the best this processor has when left out. */
  readonly instruction_set?: CpuInstructionSet;
  /** Device of the cuda engine: `cuda`, `cuda:1`, or a UUID (`GPU-...`, `MIG-...`); the first when left out. */
  readonly device?: string;
  /**
   * File of a CUDA driver to use instead of the system's, such as a fake one; what runs on that is `simulated`. With
   * `auto`, either of the two asks for the cuda engine.
   */
  readonly driver?: string;
}

/** Whether an engine can execute a workload; `engines` are those of this release that can. */
export type Support =
  | { readonly status: "ok"; readonly config: RingConfig }
  | {
      readonly status: "unsupported";
      readonly code: "precision" | "ptr_dtype" | "too_large" | "ring_history";
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
  /** Formats it computes in; an engine with fp16 takes specs in `amp` too. */
  readonly precisions: readonly ComputePrecision[];
  readonly ptr_dtypes: readonly PointerPrecision[];
  readonly threads: number;
  /** Where it runs; null on the host. */
  readonly device: EngineDevice | null;
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
  createBackend(config: RingConfig): Awaitable<RingBackend>;
}

interface EngineParts extends Pick<
  Engine,
  "kind" | "version" | "precisions" | "threads" | "device" | "options" | "fallback" | "createBackend"
> {
  /** Why the engine's device, of all of its kind, cannot execute a configuration; null where it can. */
  readonly refusal?: (config: RingConfig) => string | null;
}

/** What the engines of this release compute in. */
const PRECISIONS: Readonly<Record<EngineKind, readonly ComputePrecision[]>> = {
  reference: ["fp64"],
  cpu: ["fp64", "fp32"],
  cuda: ["fp64", "fp32", "fp16", "bf16"],
};
const KINDS: readonly EngineKind[] = ["reference", "cpu", "cuda"];
const POINTER_PRECISIONS: readonly PointerPrecision[] = ["fp64", "fp32"];

/** The engines that compute in a format, as a clause. */
function whoCan(engines: readonly EngineKind[]): string {
  if (engines.length === 0) return "no engine of this release does";
  return `the ${engines.join(" and the ")} engine${engines.length > 1 ? "s do" : " does"}`;
}

/**
 * Whether an engine of a kind can execute a workload, on a host that has one or not. Throws `invalid_options` for
 * options that no engine takes.
 */
export function engineSupports(
  kind: EngineKind,
  spec: WorkloadSpec<SpecInteger>,
  options?: Partial<RingOptions>,
): Support {
  const resolved = requireRingOptions(options);
  const { precision, ptr_dtype } = spec.ant_spec;
  const shape = ringShape(spec, resolved);
  const large = oversized(shape);
  const kept = resolved.ring_history === "materialized";
  const executed = executedPrecision(precision);
  const refuse = (
    code: "precision" | "ptr_dtype" | "too_large" | "ring_history",
    why: (engines: readonly EngineKind[]) => string,
  ): Support => {
    const engines = KINDS.filter(
      (other) =>
        PRECISIONS[other].includes(executed) &&
        isPointerPrecision(ptr_dtype) &&
        large === null &&
        (!kept || other === "cuda"),
    );
    return { status: "unsupported", code, reason: why(engines), engines };
  };
  if (large !== null) {
    const { name, value } = large;
    return refuse("too_large", () => `${name}: engines index at most ${LARGEST_SIZE}, the workload has ${value}`);
  }
  if (!PRECISIONS[kind].includes(executed)) {
    const own = PRECISIONS[kind].join(" or ");
    return refuse(
      "precision",
      (engines) =>
        `the ${kind} engine computes in ${own}, not in ${precision}: ${whoCan(engines)}; ` +
        `with precision ${own} it is another workload, which this engine runs`,
    );
  }
  if (!isPointerPrecision(ptr_dtype)) {
    const own = POINTER_PRECISIONS.join(" or ");
    return refuse(
      "ptr_dtype",
      (engines) => `the ${kind} engine keeps pointers in ${own}, not in ${ptr_dtype}: ${whoCan(engines)}`,
    );
  }
  if (kept && kind !== "cuda") {
    return refuse(
      "ring_history",
      () => `the ${kind} engine keeps one ring, not one for every time step: the cuda engine can`,
    );
  }
  return { status: "ok", config: Object.assign(shape, { precision: executed, ptr_dtype }) };
}

/** What a failed allocation of JavaScript's own arrays is here. */
function asOutOfMemory(error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  return new RingEngineError("out_of_memory", `the engine's memory could not be allocated: ${error.message}`, {
    cause: error,
  });
}

function engineOf({ refusal, ...parts }: EngineParts): Engine {
  const { kind } = parts;
  const supports: Engine["supports"] = (spec, options) => {
    const support = engineSupports(kind, spec, options);
    const reason = support.status === "ok" ? (refusal?.(support.config) ?? null) : null;
    if (reason === null) return support;
    const engines = KINDS.filter((other) => other !== kind && engineSupports(other, spec, options).status === "ok");
    return { status: "unsupported", code: "too_large", reason, engines };
  };
  return {
    ...parts,
    ptr_dtypes: POINTER_PRECISIONS,
    supports,
    prepare: async (spec, options, { seed, signal, batches }) => {
      signal?.throwIfAborted();
      checkSeed(seed);
      const support = supports(spec, options);
      if (support.status === "unsupported") {
        throw new RingEngineError("unsupported", support.reason, {
          details: { reason: support.code, engines: support.engines },
        });
      }
      const { config } = support;
      const { context_scale_init } = requireRingOptions(options);
      const { device } = parts;
      const prediction = predictMemory(spec, options ?? {}, {
        engine: kind,
        threads: parts.threads,
        ...(device === null ? {} : { multiprocessors: device.multiprocessors }),
      });
      // The initial values cross the border once, in float64. A device says itself what it cannot hold, when it is asked.
      if (device === null) requireMemory(prediction, undefined, 8 * parameterCount(config));
      else requireMemory(prediction, Number.MAX_SAFE_INTEGER);
      await breathe();
      signal?.throwIfAborted();
      let backend: RingBackend | null = null;
      try {
        backend = await parts.createBackend(config);
        await backend.writeParameters(initialParameters(config, seed, context_scale_init));
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
        device,
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
    device: null,
    options: {},
    fallback,
    createBackend: createReferenceBackend,
  });
}

function cpuEngine(levels: readonly string[], options: EngineOptions, fallback: Engine["fallback"]): Engine {
  const { threads = availableParallelism(), instruction_set } = options;
  const cpuOptions = { threads, ...(instruction_set === undefined ? {} : { instruction_set }) };
  return engineOf({
    kind: "cpu",
    version: `cpu/${RING_MODEL_VERSION} (${instruction_set ?? levels.at(-1) ?? "generic"})`,
    precisions: PRECISIONS.cpu,
    threads,
    device: null,
    options: cpuOptions,
    fallback,
    createBackend: (config) => createCpuBackend(config, cpuOptions),
  });
}

function checkThreads(threads: number | undefined): void {
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1 && threads <= 1024)) return;
  throw new RingEngineError("invalid_argument", `threads: expected an integer from 1 to 1024, found ${threads}`);
}

/** The engine on a CUDA device, or why there is none. */
type CudaEngineOpen =
  | { readonly status: "ok"; readonly engine: Engine }
  | {
      readonly status: "unavailable";
      readonly reason: string;
      readonly message: string;
      readonly fix: string;
      readonly cause?: unknown;
    };

async function openCudaEngine(options: EngineOptions): Promise<CudaEngineOpen> {
  const { device: selector, driver } = options;
  // Whoever runs on the host loads nothing of a device's.
  const { findRingDevice } = await import("./native-ring-device.js");
  const found = await findRingDevice(selector, driver);
  if (found.status === "unavailable") return found;
  const { facts, open } = found;
  const engine = engineOf({
    kind: "cuda",
    version: `cuda/${RING_MODEL_VERSION} (sm_${facts.compute_capability.replace(".", "")})`,
    precisions: PRECISIONS.cuda,
    threads: 1,
    device: facts,
    // Another process may number devices otherwise: it gets the UUID.
    options: { device: facts.uuid, ...(driver === undefined ? {} : { driver }) },
    fallback: null,
    refusal: (config) => cudaRefusal(config, facts),
    createBackend: async (config) => createCudaBackend(config, await open()),
  });
  return { status: "ok", engine };
}

/** Reasons that say that there is no GPU as far as anybody can see, and not that there is one which cannot be used. */
const NO_GPU: ReadonlySet<string> = new Set(["addon_not_built", "driver_missing", "no_device", "stub_library"]);

async function automaticEngine(options: EngineOptions): Promise<Engine> {
  const asked = options.device !== undefined || options.driver !== undefined;
  const ofHost = options.threads !== undefined || options.instruction_set !== undefined;
  const cuda = ofHost && !asked ? null : await openCudaEngine(options);
  if (cuda?.status === "ok") return cuda.engine;
  // A device that was named is what the run is about: nothing else will do in its place.
  if (cuda !== null && asked) throw unavailable(cuda);
  const unusable = cuda === null || NO_GPU.has(cuda.reason) ? null : { reason: cuda.message, fix: cuda.fix };
  const load = loadAddon();
  if (load.status === "loaded") return cpuEngine(load.levels, options, unusable);
  return referenceEngine({ reason: load.message, fix: load.fix });
}

function unavailable(why: {
  readonly reason: string;
  readonly message: string;
  readonly fix: string;
  readonly cause?: unknown;
}): RingEngineError {
  return new RingEngineError("engine_unavailable", `${why.message}; ${why.fix}`, {
    details: { reason: why.reason, fix: why.fix },
    cause: why.cause,
  });
}

/**
 * The engine of a name. `reference` always works, on one thread in fp64; `cpu` needs the compiled addon and `cuda` a
 * driver with a device: they reject with `engine_unavailable`, saying why and what to do, and never become another.
 * `auto` is the fastest there is: `cuda` where a GPU can be used, `cpu` where its addon loads, and `reference` otherwise;
 * `fallback` says why it is not a faster one that looks as if it should be there. Options of one engine choose it.
 */
export async function createEngine(choice: EngineChoice, options: EngineOptions = {}): Promise<Engine> {
  // The addon is loaded in a later turn, so that a caller can show what it waits for.
  await breathe();
  checkThreads(options.threads);
  switch (choice) {
    case "reference":
      return referenceEngine(null);
    case "auto":
      return automaticEngine(options);
    case "cpu": {
      const load = loadAddon();
      if (load.status === "loaded") return cpuEngine(load.levels, options, null);
      throw unavailable(load);
    }
    case "cuda": {
      const cuda = await openCudaEngine(options);
      if (cuda.status === "ok") return cuda.engine;
      throw unavailable(cuda);
    }
  }
}
