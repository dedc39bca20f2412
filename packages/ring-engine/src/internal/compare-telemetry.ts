import type { RingConfig, StepOutcome } from "../backend.js";
import type { GoldenStep } from "../golden.js";

/** A recorded figure of telemetry beside the replayed one; `rel_err` is null where this engine has no figure of that name. */
export interface TelemetryComparison {
  readonly step: number;
  readonly name: string;
  readonly expected: number;
  readonly found: number | null;
  readonly rel_err: number | null;
}

function compare(step: number, name: string, expected: number, found: number | null): TelemetryComparison {
  if (found === null) return { step, name, expected, found, rel_err: null };
  const difference = Math.abs(found - expected);
  return { step, name, expected, found, rel_err: expected === 0 ? difference : difference / Math.abs(expected) };
}

/** Replayed figures under the names recordings use. */
export function compareTelemetry(
  step: number,
  golden: GoldenStep,
  outcome: StepOutcome,
  config: RingConfig,
): readonly TelemetryComparison[] {
  const { telemetry, state_loop } = outcome;
  const pointer = new Map<string, number>([
    ["move_penalty", telemetry.move_penalty],
    ["ptr_flip_rate", telemetry.flip_rate],
    ["ptr_pingpong_rate", telemetry.pingpong_rate],
    ["ptr_max_dwell", telemetry.max_dwell],
    ["ptr_mean_dwell", telemetry.mean_dwell],
    ["ptr_delta_raw_mean", telemetry.delta_raw_mean],
  ]);
  const watched = Math.min(config.state_loop_samples, config.batch_size) * config.synth_len;
  const states = new Map<string, number>(
    state_loop === null
      ? []
      : [
          ["flips", state_loop.flips],
          ["flip_rate", state_loop.flips / watched],
          ["abab", state_loop.abab],
          ["abab_rate", state_loop.abab / watched],
          ["max_dwell", state_loop.max_dwell],
          ["mean_dwell", state_loop.mean_dwell],
          ["entropy", state_loop.entropy_bits],
          ["entropy_bits", state_loop.entropy_bits],
        ],
  );
  const plain = (name: string): string => name.replace(/^state_loop_/, "");
  return [
    ...[...golden.telemetry].map(([name, value]) =>
      compare(step, name, value, pointer.get(name) ?? states.get(plain(name)) ?? null),
    ),
    ...[...golden.state_loop].map(([name, value]) =>
      compare(step, `state_loop.${name}`, value, states.get(plain(name)) ?? null),
    ),
  ];
}
