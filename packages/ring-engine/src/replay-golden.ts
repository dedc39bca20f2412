import type { ComputePrecision, EngineKind, RingBackend, RingConfig, StepOutcome } from "./backend.js";
import type { RingGolden } from "./golden.js";
import { type GoldenErrors, type StepComparison, compareStep } from "./internal/compare-golden-step.js";
import type { TelemetryComparison } from "./internal/compare-telemetry.js";
import { relativeError, worst } from "./internal/relative-error.js";

/** The part of an engine that replays need. */
export interface GoldenEngine {
  readonly kind: EngineKind;
  readonly precisions: readonly ComputePrecision[];
  createBackend(config: RingConfig): RingBackend;
}

/** What came out of replaying one golden on one engine. */
export interface GoldenReplay {
  readonly name: string;
  readonly engine: EngineKind;
  readonly executed_precision: ComputePrecision;
  /** Largest error allowed: 1e-9 for recordings all in fp64, 1e-3 where parameters or pointers are fp32. */
  readonly tolerance: number;
  /**
   * `free`: pointers ran by themselves in every compared step. `teacher_forced`: they left the recorded ones (the
   * ring's dynamics are chaotic), so each time step of the first step started from the recorded pointer.
   */
  readonly mode: "free" | "teacher_forced";
  /** Training steps compared, of those recorded; the rest cannot be compared, `notes` says why. */
  readonly compared_steps: number;
  readonly recorded_steps: number;
  readonly max_rel_err: GoldenErrors;
  /** Null gradients that are not, or the other way round, and read-out slots that differ. */
  readonly mismatches: readonly string[];
  /** Has no influence on the results, nor on `ok`. */
  readonly telemetry: readonly TelemetryComparison[];
  readonly notes: readonly string[];
  readonly ok: boolean;
}

const TOLERANCE: Readonly<Record<ComputePrecision, number>> = { fp64: 1e-9, fp32: 1e-3 };
/** One rounding of a pointer in each format: what a chaotic run must not be expected to survive. */
const ONE_ROUNDING: Readonly<Record<ComputePrecision, number>> = { fp64: 2 ** -52, fp32: 2 ** -23 };

/** The coarser of the formats a run was recorded in. */
function formatOf({ precision, ptr_dtype }: RingConfig): ComputePrecision {
  return precision === "fp64" && ptr_dtype === "fp64" ? "fp64" : "fp32";
}

const within = ({ errors, mismatches }: StepComparison, tolerance: number): boolean =>
  mismatches.length === 0 &&
  Object.values(errors).every((error: number | null) => error === null || error <= tolerance);

function freshBackend(golden: RingGolden, engine: GoldenEngine, config: RingConfig): RingBackend {
  const backend = engine.createBackend(config);
  backend.writeParameters(golden.initial);
  return backend;
}

function runStep(
  golden: RingGolden,
  backend: RingBackend,
  index: number,
  how: { readonly mode: "train" | "gradients"; readonly forced?: Float64Array; readonly shift?: number },
): Promise<StepOutcome> {
  const unit = golden.pointer_units[index] ?? new Float64Array(golden.config.batch_size);
  const { shift = 0, forced, mode } = how;
  return backend.run({
    batch: { x: golden.x, y: golden.y, pointer_unit: unit.map((u) => Math.min(Math.abs(u + shift), 1)) },
    mode,
    trace: true,
    ...(forced === undefined ? {} : { forced_pointers: forced }),
    ...(golden.state_loop_projection === null ? {} : { state_loop_projection: golden.state_loop_projection }),
  });
}

/**
 * True if roundings of the recording's own size, in the pointers a step starts from, change this engine's
 * logits or gradients by more than the tolerance: then no two implementations need agree on that step.
 */
async function isChaotic(golden: RingGolden, backend: RingBackend, index: number, tolerance: number): Promise<boolean> {
  const { config, parameters } = golden;
  const rounding = ONE_ROUNDING[formatOf(config)];
  const base = await runStep(golden, backend, index, { mode: "gradients" });
  const slopes = backend.readGradients().values;
  for (const roundings of [1, -1, 4, -4, 16, -16]) {
    const shift = roundings * rounding;
    const shifted = await runStep(golden, backend, index, { mode: "gradients", shift });
    const shiftedSlopes = backend.readGradients().values;
    const errors = [
      relativeError(shifted.logits, base.logits),
      ...parameters.map(({ offset, length }) =>
        relativeError(shiftedSlopes.subarray(offset, offset + length), slopes.subarray(offset, offset + length)),
      ),
    ];
    if (errors.some((error) => error > tolerance)) return true;
  }
  return false;
}

function merge(comparisons: readonly StepComparison[]): GoldenErrors {
  const group = (name: keyof GoldenErrors): number | null =>
    worst(comparisons.flatMap(({ errors }) => (errors[name] === null ? [] : [errors[name]])));
  return {
    logits: group("logits"),
    loss: group("loss"),
    grads: group("grads"),
    params: group("params"),
    trace: group("trace"),
  };
}

/**
 * Replays a recorded run on an engine, in the recorded precision if the engine executes it and in fp64
 * otherwise, and compares logits, loss, gradients, parameters and trace. A recording whose pointers are
 * chaotic is compared in its first step, teacher-forced from the trace; `mode` and `notes` say so.
 * Rejects with a RingEngineError when the engine cannot execute the configuration.
 */
export async function replayGolden(golden: RingGolden, engine: GoldenEngine): Promise<GoldenReplay> {
  const tolerance = TOLERANCE[formatOf(golden.config)];
  const precision = engine.precisions.includes(golden.config.precision) ? golden.config.precision : "fp64";
  const watched = golden.state_loop_projection === null ? 0 : golden.config.state_loop_samples;
  const config: RingConfig = { ...golden.config, precision, state_loop_samples: watched };
  const notes: string[] = [];
  if (watched < golden.config.state_loop_samples)
    notes.push("no state-loop projection recorded: its telemetry is left out");

  let comparisons: StepComparison[] = [];
  let mode: GoldenReplay["mode"] = "free";
  let backend = freshBackend(golden, engine, config);
  try {
    for (const [index, step] of golden.steps.entries()) {
      const before = { parameters: backend.readParameters(), optimizer: backend.readOptimizer() };
      const outcome = await runStep(golden, backend, index, { mode: "train" });
      const comparison = compareStep(golden, index, step, backend, outcome, false);
      if (within(comparison, tolerance)) {
        comparisons.push(comparison);
        continue;
      }
      const after = { parameters: backend.readParameters(), optimizer: backend.readOptimizer() };
      backend.writeParameters(before.parameters);
      backend.writeOptimizer(before.optimizer);
      const chaotic = await isChaotic(golden, backend, index, tolerance);
      const forced = index === 0 && chaotic ? step.trace?.pointers : undefined;
      if (forced !== undefined) {
        mode = "teacher_forced";
        backend.dispose();
        backend = freshBackend(golden, engine, config);
        const guided = await runStep(golden, backend, index, { mode: "train", forced });
        comparisons = [compareStep(golden, index, step, backend, guided, true)];
        notes.push(
          "pointers diverge from the recorded ones by rounding alone: step 0 is teacher-forced from its trace",
        );
      }
      if (chaotic) {
        const left = golden.steps.length - comparisons.length;
        if (left > 0)
          notes.push(`${left} later step(s) are chaotic and have no trace to force pointers from: not compared`);
        break;
      }
      comparisons.push(comparison);
      backend.writeParameters(after.parameters);
      backend.writeOptimizer(after.optimizer);
    }
  } finally {
    backend.dispose();
  }
  return {
    name: golden.name,
    engine: engine.kind,
    executed_precision: precision,
    tolerance,
    mode,
    compared_steps: comparisons.length,
    recorded_steps: golden.steps.length,
    max_rel_err: merge(comparisons),
    mismatches: comparisons.flatMap(({ mismatches }) => mismatches),
    telemetry: comparisons.flatMap(({ telemetry }) => telemetry),
    notes,
    ok: comparisons.length > 0 && comparisons.every((comparison) => within(comparison, tolerance)),
  };
}
