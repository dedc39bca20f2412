import type { GpuSample } from "@vrx/native-cuda";
import type { StepReport } from "../workload.js";

/** Readings of a step that a watch on the GPU gives. */
export type GpuReadings = Pick<
  StepReport,
  "sm_clock_mhz" | "mem_clock_mhz" | "power_w" | "temperature_c" | "energy_j" | "throttle_reasons"
>;

/** The part of a sample of NVML that is about a step. */
export type GpuMoment = Pick<
  GpuSample,
  "sm_clock_mhz" | "memory_clock_mhz" | "power_w" | "temperature_c" | "energy_j" | "throttle_reasons"
>;

interface Timed {
  readonly at_s: number;
  readonly moment: GpuMoment;
}

/**
 * Samples of a GPU between the ends of steps. A step has the mean clock and power of the samples taken during it, the
 * highest temperature and every throttle reason that was seen; a step shorter than the interval has the sample before
 * it. A sample older than `stale_s` says nothing any more, and what no sample has is null.
 *
 * Energy comes from the counter of the card, which moves in jumps of some ten milliseconds: up to the end of a step it is
 * carried on at the last power, so that single steps are estimates and their sum is the counter's.
 */
export class GpuWindow {
  readonly #stale_s: number;
  #inside: Timed[] = [];
  #last: Timed | null = null;
  /** The energy at the end of the step before, by the rule above. */
  #energy_before_j: number | null = null;

  constructor(stale_s: number) {
    this.#stale_s = stale_s;
  }

  /** A sample, taken at `at_s` of a clock that never runs back. */
  add(at_s: number, moment: GpuMoment): void {
    this.#last = { at_s, moment };
    this.#inside.push(this.#last);
  }

  /** Ends a step at `at_s`: the readings since the last call. */
  take(at_s: number): GpuReadings {
    const fresh = this.#last !== null && at_s - this.#last.at_s <= this.#stale_s ? [this.#last] : [];
    const seen = (this.#inside.length > 0 ? this.#inside : fresh).map(({ moment }) => moment);
    this.#inside = [];
    const energy_j = this.#energyAt(fresh[0], at_s);
    const before_j = this.#energy_before_j;
    this.#energy_before_j = energy_j;
    return {
      sm_clock_mhz: mean(seen.map((moment) => moment.sm_clock_mhz)),
      mem_clock_mhz: mean(seen.map((moment) => moment.memory_clock_mhz)),
      power_w: mean(seen.map((moment) => moment.power_w)),
      temperature_c: highest(seen.map((moment) => moment.temperature_c)),
      // The estimate may have run ahead of the counter; a step takes no less than nothing.
      energy_j: energy_j === null || before_j === null ? null : Math.max(0, energy_j - before_j),
      throttle_reasons: reasonsOf(seen),
    };
  }

  #energyAt(last: Timed | undefined, at_s: number): number | null {
    if (last === undefined || last.moment.energy_j === null) return null;
    const since_s = Math.max(0, at_s - last.at_s);
    const carried_j = last.moment.energy_j + (last.moment.power_w ?? 0) * since_s;
    // Never behind what was counted already: steps that were estimated high are made up for by the next ones.
    return Math.max(carried_j, this.#energy_before_j ?? 0);
  }
}

function known(values: readonly (number | null)[]): readonly number[] {
  return values.filter((value): value is number => value !== null);
}

function mean(values: readonly (number | null)[]): number | null {
  const numbers = known(values);
  return numbers.length === 0 ? null : numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}

function highest(values: readonly (number | null)[]): number | null {
  return known(values).reduce<number | null>((most, value) => Math.max(most ?? value, value), null);
}

/** Null when a sample could not tell: that nothing held the clocks down has then not been seen. */
function reasonsOf(seen: readonly GpuMoment[]): readonly string[] | null {
  const lists = seen.map(({ throttle_reasons }) => throttle_reasons);
  if (lists.length === 0) return null;
  const told = lists.filter((list) => list !== null);
  const all = [...new Set(told.flat())];
  return told.length === lists.length || all.length > 0 ? all : null;
}
