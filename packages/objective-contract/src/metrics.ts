import { runDevice } from "./run-device.js";
import type { RunRecord } from "./run-record.js";
import { type StepSample, measuredSamples } from "./step-sample.js";
import { stepStats } from "./step-stats.js";

/** The figures of a run by the contract's definitions. What nobody measured is null, and `reasons` says why. */
export interface RunMetrics {
  readonly batch_size: number;
  readonly seq_len: number;
  readonly synth_len: number;
  readonly warmup_steps: number;
  readonly measure_steps: number;
  /** Measured steps there is a sample of; less than `measure_steps` when the run broke off. */
  readonly measured_steps: number;
  readonly measure_wall_time_s: number | null;
  readonly median_step_time_s: number | null;
  readonly p95_step_time_s: number | null;
  /** The scalar that ranks: `measure_steps * batch_size / measure_wall_time_s`; null unless every step was measured. */
  readonly throughput_samples_per_s: number | null;
  /** `throughput_samples_per_s * seq_len` */
  readonly throughput_tokens_per_s: number | null;
  readonly peak_vram_reserved_bytes: number | null;
  readonly peak_vram_allocated_bytes: number | null;
  readonly peak_rss_bytes: number | null;
  /** Mean energy of a measured step; null unless it is known of every one. */
  readonly energy_per_step_joules: number | null;
  readonly had_oom: boolean;
  readonly had_nan: boolean;
  readonly had_inf: boolean;
  readonly reasons: Readonly<Record<string, string>>;
}

/** Computes the figures of a run from its samples, and from its outcome what samples cannot carry. */
export function computeMetrics(run: RunRecord): RunMetrics {
  const { header, outcome } = run;
  const measured = measuredSamples(run.samples).filter((sample) => isTime(sample.time_s) && isTime(sample.end_s));
  const stats = stepStats(measured.map((sample) => sample.time_s));
  const wall_s = wallTime(measured);
  const complete = measured.length === header.measure_steps;
  const { batch_size, seq_len, synth_len } = header.workload.colony_spec;
  const samples_per_s = complete && wall_s !== null && wall_s > 0 ? (header.measure_steps * batch_size) / wall_s : null;
  const tokens_per_s = samples_per_s === null ? null : samples_per_s * seq_len;
  const losses = run.samples.map((sample) => sample.loss);
  const figures = {
    batch_size,
    seq_len,
    synth_len,
    warmup_steps: header.warmup_steps,
    measure_steps: header.measure_steps,
    measured_steps: measured.length,
    measure_wall_time_s: wall_s,
    median_step_time_s: stats.median_s,
    p95_step_time_s: stats.p95_s,
    throughput_samples_per_s: finite(samples_per_s),
    throughput_tokens_per_s: finite(tokens_per_s),
    peak_vram_reserved_bytes: largest([outcome.peak_vram_reserved_bytes, ...read(measured, "vram_reserved_bytes")]),
    peak_vram_allocated_bytes: largest([outcome.peak_vram_allocated_bytes, ...read(measured, "vram_allocated_bytes")]),
    peak_rss_bytes: largest(read(run.samples, "rss_bytes")),
    energy_per_step_joules: meanEnergy(measured, complete),
    had_oom: outcome.exception !== null && saysOutOfMemory(outcome.exception.message),
    had_nan: losses.some((loss) => Number.isNaN(loss)),
    had_inf: losses.some((loss) => loss === Infinity || loss === -Infinity),
  };
  return { ...figures, reasons: whyNull(run, figures, complete) };
}

/** The contract's sign of an out-of-memory error: one of three phrases in the message, in any case. */
export function saysOutOfMemory(message: string): boolean {
  const text = message.toLowerCase();
  return ["out of memory", "cuda oom", "cuda out of memory"].some((phrase) => text.includes(phrase));
}

const OUT_OF_RANGE = "the times are beyond what a number can hold";

function isTime(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

function wallTime(measured: readonly StepSample[]): number | null {
  const first = measured[0];
  const last = measured[measured.length - 1];
  return first === undefined || last === undefined ? null : finite(last.end_s - (first.end_s - first.time_s));
}

/** What absurd times make of a figure is no number that an artifact can carry. */
function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}

/** The mean over all measured steps: over some of them it would be of another run. */
function meanEnergy(measured: readonly StepSample[], complete: boolean): number | null {
  if (!complete || measured.length === 0) return null;
  const sum_j = measured.reduce((sum, { energy_j = null }) => sum + (energy_j ?? Number.NaN), 0);
  return finite(sum_j / measured.length);
}

function read(
  samples: readonly StepSample[],
  key: "vram_reserved_bytes" | "vram_allocated_bytes" | "rss_bytes",
): (number | null)[] {
  return samples.map((sample) => sample[key] ?? null);
}

/** A peak is never below anything seen, so the largest of what the device and the samples say is the best evidence. */
function largest(values: readonly (number | null)[]): number | null {
  return values.reduce((most, value) => (value !== null && (most === null || value > most) ? value : most), null);
}

function whyNull(
  run: RunRecord,
  figures: Omit<RunMetrics, "reasons">,
  complete: boolean,
): Readonly<Record<string, string>> {
  const noStep = "no measured step was recorded";
  const wall = figures.measured_steps === 0 ? noStep : OUT_OF_RANGE;
  const throughput = complete
    ? figures.measure_wall_time_s === null || figures.measure_wall_time_s > 0
      ? OUT_OF_RANGE
      : "the measured wall time is not positive"
    : `only ${figures.measured_steps} of ${figures.measure_steps} measured steps were recorded`;
  const vram =
    runDevice(run).kind === "cpu"
      ? "a CPU run uses no VRAM"
      : (run.outcome.vram_stats_error ?? "neither the device nor the samples told it");
  const why: Record<string, string> = {
    measure_wall_time_s: wall,
    median_step_time_s: noStep,
    p95_step_time_s: noStep,
    throughput_samples_per_s: throughput,
    throughput_tokens_per_s: throughput,
    peak_vram_reserved_bytes: vram,
    peak_vram_allocated_bytes: vram,
    peak_rss_bytes: "no sample has rss_bytes",
  };
  return Object.fromEntries(
    Object.entries(figures).flatMap(([key, value]) =>
      // Energy is a key of its own only where it was measured (see metricsDocument).
      value === null && key !== "energy_per_step_joules" ? [[key, why[key] ?? "unknown"]] : [],
    ),
  );
}
