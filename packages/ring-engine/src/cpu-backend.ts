import { availableParallelism } from "node:os";
import type { HostBackend, OptimizerState, RingConfig, StepOutcome, StepRequest, StepTrace } from "./backend.js";
import { RingEngineError, type RingEngineErrorCode } from "./errors.js";
import { checkStepRequest } from "./internal/step-request.js";
import { type PointerWatch, pointerTelemetry, stateLoopTelemetry, switching } from "./internal/telemetry.js";
import { at, column } from "./internal/vector.js";
import { type NativeAddon, type NativeConfig, type NativeOutcome, loadAddon } from "./native-addon.js";
import { parameterLayout } from "./parameters.js";

/** Instruction sets the CPU engine is compiled for, lowest first; off x86-64 there is only `generic`. */
export type CpuInstructionSet = "generic" | "avx2" | "avx512";

export interface CpuBackendOptions {
  /** Threads of this backend, 1 to 1024; default: as many as the process may run at a time. They do not change results. */
  readonly threads?: number;
  /** The instruction set to use instead of the best the CPU has, for comparisons: sums are grouped differently in each. */
  readonly instruction_set?: CpuInstructionSet;
}

/** The compiled engine, and what it runs with. */
export interface CpuBackend extends HostBackend {
  readonly kind: "cpu";
  readonly threads: number;
  readonly instruction_set: CpuInstructionSet;
}

const LEVELS: readonly CpuInstructionSet[] = ["generic", "avx2", "avx512"];
const MODES = { train: 0, gradients: 1, forward: 2 } as const;
const VECTORS = { parameters: 0, gradients: 1, first_moment: 2, second_moment: 3 } as const;

const CODES: ReadonlySet<string> = new Set<RingEngineErrorCode>([
  "invalid_argument",
  "unsupported",
  "out_of_memory",
  "busy",
  "disposed",
  "engine_failure",
]);
const isCode = (code: unknown): code is RingEngineErrorCode => typeof code === "string" && CODES.has(code);

/** What the compiled engine threw, as an error of this package. */
function asRingEngineError(cause: unknown): RingEngineError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code: unknown = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return new RingEngineError(isCode(code) ? code : "engine_failure", `cpu engine: ${message}`, { cause });
}

function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw asRingEngineError(cause);
  }
}

function requireAddon(): { readonly addon: NativeAddon; readonly levels: readonly string[] } {
  const load = loadAddon();
  if (load.status === "loaded") return load;
  throw new RingEngineError("engine_unavailable", `${load.message}; ${load.fix}`, {
    details: { reason: load.reason, fix: load.fix },
    cause: load.cause,
  });
}

function chooseLevel(levels: readonly string[], wanted: CpuInstructionSet | undefined): number {
  const level = wanted === undefined ? levels.length - 1 : LEVELS.indexOf(wanted);
  if (level >= 0 && level < levels.length) return level;
  throw new RingEngineError("unsupported", `this CPU has no ${String(wanted)}: it runs ${levels.join(", ")}`, {
    details: { instruction_sets: levels },
  });
}

function nativeConfig(config: RingConfig, threads: number, level: number): NativeConfig {
  const { precision, ptr_dtype, ring_history, ...rest } = config;
  if (ring_history !== "inplace") {
    throw new RingEngineError("unsupported", "the cpu engine keeps one ring, not one for every time step", {
      details: { engines: ["cuda"] },
    });
  }
  return {
    ...rest,
    // A longer delay makes no difference.
    sensory_len: Math.min(rest.sensory_len, rest.synth_len),
    double_precision: precision === "fp64",
    double_pointer: ptr_dtype === "fp64",
    threads,
    level,
  };
}

function traceOf(outcome: NativeOutcome): StepTrace | null {
  const { pointers, next_pointers, centers, weights, hidden } = outcome;
  return pointers && next_pointers && centers && weights && hidden
    ? { pointers, next_pointers, centers, weights, hidden }
    : null;
}

function stepOutcome(outcome: NativeOutcome, config: RingConfig): StepOutcome {
  const { batch_size: B, state_loop_samples, state_loop_dim } = config;
  const pointers: readonly PointerWatch[] = Array.from({ length: B }, (_, b) => ({
    switching: switching(column(outcome.slots, b, B)),
    moved: at(outcome.moved, b),
    raw: at(outcome.raw_moved, b),
  }));
  const watched = Array.from({ length: Math.min(B, state_loop_samples) }, (_, b) => column(outcome.modes, b, B));
  return {
    loss: outcome.loss,
    logits: outcome.logits,
    last_pointer_slot: outcome.slots.slice(-B),
    telemetry: pointerTelemetry(pointers, config),
    state_loop: watched.length === 0 ? null : stateLoopTelemetry(watched, state_loop_dim),
    trace: traceOf(outcome),
  };
}

/**
 * The compiled engine: fp32 and fp64, on threads of its own, so that the event loop stays free. Its memory
 * is taken here and never grows. Results are the same bit for bit for every number of threads, and may
 * differ in the last bits between instruction sets. `dispose` during a step ends the engine after that step.
 * Throws a RingEngineError: `engine_unavailable` without a binary for this platform, `unsupported` for an
 * instruction set the CPU lacks, `out_of_memory` when the configuration does not fit, `invalid_argument`.
 */
export function createCpuBackend(config: RingConfig, options: CpuBackendOptions = {}): CpuBackend {
  const { threads = availableParallelism() } = options;
  const { addon, levels } = requireAddon();
  const level = chooseLevel(levels, options.instruction_set);
  const engine = attempt(() => addon.create(nativeConfig(config, threads, level)));
  const parameters = parameterLayout(config);
  const count = parameters.reduce((sum, { length }) => sum + length, 0);
  if (addon.parameterCount(engine) !== count) {
    addon.dispose(engine);
    throw new RingEngineError(
      "engine_failure",
      "the compiled engine is of another version of this package: rebuild it",
    );
  }
  const memory = addon.memoryBytes(engine);
  const read = (vector: keyof typeof VECTORS): Float64Array => attempt(() => addon.read(engine, VECTORS[vector]));
  const write = (vector: keyof typeof VECTORS, values: Float64Array): void =>
    attempt(() => addon.write(engine, VECTORS[vector], values));

  return {
    kind: "cpu",
    config,
    threads,
    instruction_set: LEVELS[level] ?? "generic",
    parameters,
    readParameters: () => read("parameters"),
    writeParameters: (values) => write("parameters", values),
    readGradients: () => ({
      values: read("gradients"),
      present: Array.from(attempt(() => addon.slots(engine)).present, (flag) => flag === 1),
    }),
    readOptimizer: () => ({
      first_moment: read("first_moment"),
      second_moment: read("second_moment"),
      updates: attempt(() => addon.slots(engine)).updates,
    }),
    writeOptimizer: ({ first_moment, second_moment, updates }: OptimizerState) => {
      write("first_moment", first_moment);
      write("second_moment", second_moment);
      attempt(() => addon.setUpdates(engine, updates));
    },
    run: async (request: StepRequest) => {
      checkStepRequest(request, config);
      const { batch, mode, trace = false, forced_pointers, state_loop_projection } = request;
      const { x, y, pointer_unit } = batch;
      try {
        return stepOutcome(
          await addon.run(engine, x, y, pointer_unit, MODES[mode], trace, forced_pointers, state_loop_projection),
          config,
        );
      } catch (cause) {
        throw asRingEngineError(cause);
      }
    },
    memoryBytes: () => memory,
    dispose: () => attempt(() => addon.dispose(engine)),
  };
}
