import type { PointerTelemetry, RingConfig, StateLoopTelemetry } from "../backend.js";
import type { RingPass } from "./ring-pass.js";
import { slotOf, wrapDistance } from "./ring-positions.js";
import { addScaled, at, row } from "./vector.js";

/** What a sequence of discrete states does over time. */
export interface Switching {
  /** Steps whose state differs from the step before. */
  readonly flips: number;
  /** Steps that return to the state of two steps before, by way of another one: A B A. */
  readonly returns: number;
  /** Steps that end an alternation of two states: A B A B. */
  readonly alternations: number;
  /** The longest run of one state, and the mean length of the runs. */
  readonly max_dwell: number;
  readonly mean_dwell: number;
}

export function switching(states: readonly number[]): Switching {
  const differs = (t: number): boolean => t > 0 && states[t] !== states[t - 1];
  const returned = (t: number): boolean => t > 1 && differs(t) && states[t] === states[t - 2];
  let [flips, returns, alternations, dwell, max_dwell] = [0, 0, 0, 0, 0];
  for (let t = 0; t < states.length; t++) {
    if (differs(t)) flips += 1;
    if (returned(t)) returns += 1;
    if (t > 2 && returned(t) && returned(t - 1)) alternations += 1;
    dwell = differs(t) ? 1 : dwell + 1;
    max_dwell = Math.max(max_dwell, dwell);
  }
  return { flips, returns, alternations, max_dwell, mean_dwell: states.length / (flips + 1) };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;

/** How the pointer of one sample moved. */
export interface PointerWatch {
  readonly switching: Switching;
  /** Sums over the time steps: how far it went, and how far it would have gone without inertia and dead zone. */
  readonly moved: number;
  readonly raw: number;
}

export function watchPointer({ steps }: RingPass, config: RingConfig): PointerWatch {
  const R = config.ring_len;
  return {
    switching: switching(steps.map(({ next_pointer }) => slotOf(next_pointer, R))),
    moved: sum(steps.map(({ pointer, next_pointer }) => Math.abs(wrapDistance(pointer, next_pointer, R)))),
    raw: sum(steps.map(({ update }) => Math.abs(update?.way_before_inertia ?? 0))),
  };
}

/**
 * Rates are per sample and time step; the state of a step is the slot its update ended in. Penalties and
 * raw moves are mean ring distances per time step.
 */
export function pointerTelemetry(samples: readonly PointerWatch[], config: RingConfig): PointerTelemetry {
  const T = config.synth_len;
  const switches = samples.map((sample) => sample.switching);
  return {
    move_penalty: mean(samples.map(({ moved }) => moved)) / T,
    flip_rate: mean(switches.map(({ flips }) => flips)) / T,
    pingpong_rate: mean(switches.map(({ returns }) => returns)) / T,
    max_dwell: Math.max(...switches.map(({ max_dwell }) => max_dwell)),
    mean_dwell: mean(switches.map(({ mean_dwell }) => mean_dwell)),
    delta_raw_mean: mean(samples.map(({ raw }) => raw)) / T,
  };
}

/** Per time step of one sample: which column of `projection` ([D, dim]) its hidden state points along most. */
export function watchStates({ steps }: RingPass, dim: number, projection: Float64Array): readonly number[] {
  return steps.map(({ gru: { hidden } }) => {
    const scores = new Float64Array(dim);
    for (let i = 0; i < hidden.length; i++) addScaled(scores, at(hidden, i), row(projection, i, dim));
    return scores.indexOf(Math.max(...scores));
  });
}

/** Totals over the watched samples; the entropy is that of all their states together, in bits. */
export function stateLoopTelemetry(samples: readonly (readonly number[])[], dim: number): StateLoopTelemetry {
  const switches = samples.map(switching);
  const all = samples.flat();
  const shares = Array.from({ length: dim }, (_, s) => all.filter((state) => state === s).length / all.length);
  return {
    flips: sum(switches.map(({ flips }) => flips)),
    abab: sum(switches.map(({ alternations }) => alternations)),
    max_dwell: Math.max(...switches.map(({ max_dwell }) => max_dwell)),
    mean_dwell: mean(switches.map(({ mean_dwell }) => mean_dwell)),
    entropy_bits: sum(shares.map((share) => (share > 0 ? -share * Math.log2(share) : 0))),
  };
}
