import type {
  Awaitable,
  ComputePrecision,
  EngineKind,
  OptimizerState,
  PointerPrecision,
  RingBackend,
  RingConfig,
  StepOutcome,
} from "./backend.js";
import type { GoldenStep, RingGolden } from "./golden.js";
import {
  type GoldenErrors,
  type StepComparison,
  type StepDeviation,
  compareStep,
  recordStep,
} from "./internal/compare-golden-step.js";
import type { TelemetryComparison } from "./internal/compare-telemetry.js";
import { ONE_ROUNDING, formatOf } from "./internal/recorded-format.js";
import { worst } from "./internal/relative-error.js";

/** The part of an engine that replays need. */
export interface GoldenEngine {
  readonly kind: EngineKind;
  readonly precisions: readonly ComputePrecision[];
  createBackend(config: RingConfig): Awaitable<RingBackend>;
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

const TOLERANCE: Readonly<Record<PointerPrecision, number>> = { fp64: 1e-9, fp32: 1e-3 };
/** How much further apart than those few roundings the many of a whole step may drive two implementations. */
const ROUNDING_ALLOWANCE = 16;

const within = ({ deviations, mismatches }: StepComparison, tolerance: number): boolean =>
  mismatches.length === 0 && deviations.every(({ error }) => error <= tolerance);

/** Slopes, and parameters by their slopes, can consist of rounding while the pass itself is well determined. */
const isOfSlopes = ({ group }: StepDeviation): boolean => group === "grads" || group === "params";

/** What a step starts from. */
interface Start {
  readonly parameters: Float64Array;
  readonly optimizer: OptimizerState;
}

async function stateOf(backend: RingBackend): Promise<Start> {
  return { parameters: await backend.readParameters(), optimizer: await backend.readOptimizer() };
}

async function goTo(backend: RingBackend, { parameters, optimizer }: Start): Promise<void> {
  await backend.writeParameters(parameters);
  await backend.writeOptimizer(optimizer);
}

function runStep(
  golden: RingGolden,
  backend: RingBackend,
  index: number,
  forced?: Float64Array,
  shift = 0,
): Promise<StepOutcome> {
  const { x, y, config, state_loop_projection } = golden;
  const unit = golden.pointer_units[index] ?? new Float64Array(config.batch_size);
  return backend.run({
    batch: { x, y, pointer_unit: unit.map((u) => Math.min(Math.abs(u + shift), 1)) },
    mode: "train",
    trace: true,
    ...(forced === undefined ? {} : { forced_pointers: forced }),
    ...(state_loop_projection === null ? {} : { state_loop_projection }),
  });
}

/**
 * How far roundings of the recording's own size, in the parameters and pointers a step starts from, move this
 * engine's results apart: where that is more than the tolerance, no two implementations need agree.
 */
async function roundingEffects(
  golden: RingGolden,
  backend: RingBackend,
  index: number,
  step: GoldenStep,
  start: Start,
  forced?: Float64Array,
): Promise<readonly StepComparison[]> {
  const run = async (roundings: number): Promise<StepOutcome> => {
    const shift = roundings * ONE_ROUNDING[formatOf(golden.config)];
    const parameters = start.parameters.map((value, i) => value * (1 + (i % 2 === 0 ? shift : -shift)));
    await goTo(backend, { ...start, parameters });
    return runStep(golden, backend, index, forced, shift);
  };
  const base = await recordStep(golden, step, backend, await run(0));
  const effects: StepComparison[] = [];
  for (const roundings of [1, -1, 4, -4, 16, -16])
    effects.push(await compareStep(golden, index, base, backend, await run(roundings), forced !== undefined));
  return effects;
}

/** The deviations of a step beyond the tolerance, beside what rounding does. */
interface Finding {
  /** Rounding alone drives the pass itself apart, not only its slopes. */
  readonly chaotic: boolean;
  /** There is something that rounding does not explain. */
  readonly unexplained: boolean;
  readonly explained: readonly StepDeviation[];
}

function judgeDeviations(comparison: StepComparison, effects: readonly StepComparison[], tolerance: number): Finding {
  const effectsOn = ({ group, name }: StepDeviation): readonly number[] =>
    effects.flatMap(({ deviations }) =>
      deviations.filter((other) => other.group === group && other.name === name).map(({ error }) => error),
    );
  const beyond = comparison.deviations.filter(({ error }) => !(error <= tolerance));
  const explained = beyond.filter(
    (deviation) =>
      Number.isFinite(deviation.error) && deviation.error <= ROUNDING_ALLOWANCE * Math.max(...effectsOn(deviation)),
  );
  // Where rounding could have turned a step elsewhere but did not, a small deviation is not its doing.
  const happened =
    comparison.mismatches.length > 0 ||
    explained.some((deviation) =>
      effectsOn(deviation).some(
        (effect) => effect <= ROUNDING_ALLOWANCE * deviation.error && deviation.error <= ROUNDING_ALLOWANCE * effect,
      ),
    );
  const changeable = new Set(effects.flatMap(({ mismatches }) => mismatches.map(({ name }) => name)));
  return {
    chaotic:
      changeable.size > 0 ||
      effects.some(({ deviations }) => deviations.some((other) => !isOfSlopes(other) && other.error > tolerance)),
    unexplained:
      !happened || explained.length < beyond.length || comparison.mismatches.some(({ name }) => !changeable.has(name)),
    explained,
  };
}

/** The comparison without deviations that say nothing. */
function without(comparison: StepComparison, left_out: readonly StepDeviation[]): StepComparison {
  return { ...comparison, deviations: comparison.deviations.filter((deviation) => !left_out.includes(deviation)) };
}

function leftOutNote(index: number, left_out: readonly StepDeviation[]): string {
  const names = left_out.map(({ group, name }) => `${group} ${name}`).join(", ");
  return `step ${index}: rounding alone changes ${names} by as much as they deviate: left out`;
}

function merge(comparisons: readonly StepComparison[]): GoldenErrors {
  const group = (name: keyof GoldenErrors): number | null =>
    worst(
      comparisons.flatMap(({ deviations }) =>
        deviations.filter((deviation) => deviation.group === name).map(({ error }) => error),
      ),
    );
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
  const backend = await engine.createBackend(config);
  try {
    await backend.writeParameters(golden.initial);
    for (const [index, step] of golden.steps.entries()) {
      const before = await stateOf(backend);
      const outcome = await runStep(golden, backend, index);
      const comparison = await compareStep(golden, index, step, backend, outcome, false);
      if (within(comparison, tolerance)) {
        comparisons.push(comparison);
        continue;
      }
      const after = await stateOf(backend);
      const effects = await roundingEffects(golden, backend, index, step, before);
      const { chaotic, unexplained, explained } = judgeDeviations(comparison, effects, tolerance);
      const forced = index === 0 && chaotic ? step.trace?.pointers : undefined;
      if (forced === undefined && (unexplained || !chaotic)) {
        if (!unexplained) notes.push(leftOutNote(index, explained));
        comparisons.push(unexplained ? comparison : without(comparison, explained));
        await goTo(backend, after);
        continue;
      }
      if (forced !== undefined) {
        mode = "teacher_forced";
        notes.push(
          "pointers diverge from the recorded ones by rounding alone: step 0 is teacher-forced from its trace",
        );
        await goTo(backend, before);
        const guided = await compareStep(
          golden,
          index,
          step,
          backend,
          await runStep(golden, backend, index, forced),
          true,
        );
        const noise = within(guided, tolerance)
          ? []
          : judgeDeviations(
              guided,
              await roundingEffects(golden, backend, index, step, before, forced),
              tolerance,
            ).explained.filter(isOfSlopes);
        if (noise.length > 0) notes.push(leftOutNote(index, noise));
        comparisons = [without(guided, noise)];
      }
      const left = golden.steps.length - comparisons.length;
      if (left > 0)
        notes.push(`${left} later step(s) are chaotic and have no trace to force pointers from: not compared`);
      break;
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
    mismatches: comparisons.flatMap(({ mismatches }) => mismatches.map(({ text }) => text)),
    telemetry: comparisons.flatMap(({ telemetry }) => telemetry),
    notes,
    ok: comparisons.length > 0 && comparisons.every((comparison) => within(comparison, tolerance)),
  };
}
