import type { JsonObject } from "./json.js";
import type { Precision } from "@vrx/workload-schema";
import type { RunDevice, StepTimeMode } from "./run-header.js";

/**
 * How a run ended: `completed` (every step was run), `failed` (an exception, or the steps broke off),
 * `stalled` (no progress within the heartbeat's threshold), `interrupted` (a signal, a cancellation, a
 * process that is gone).
 */
export type RunStatus = "completed" | "failed" | "stalled" | "interrupted";

/** What was thrown, by the run or inside the program it measured. */
export interface RunException {
  readonly type: string;
  readonly message: string;
}

/** The heartbeat when the watchdog ended a run; ages and thresholds in seconds. */
export interface StallFacts {
  readonly threshold_s: number;
  readonly last_progress_age_s: number;
  /** Where the run stood: before its first step, or in one of the two phases. */
  readonly phase: "set_up" | "warmup" | "measure";
}

/** The arithmetic that was really executed, as the engine or the program says itself. */
export interface ExecutedPrecision {
  readonly precision: Precision;
  /** Whether automatic mixed precision was on. */
  readonly amp: boolean;
}

/** What was seen of the GPU beside the run that no single step can carry. */
export interface GpuConditions {
  /**
   * The SM clock in MHz that this GPU keeps under load on this host, as a calibration of the host found it; null where
   * there is none, so that nothing can be said of clocks that a power limit holds down.
   */
  readonly baseline_sm_clock_mhz: number | null;
  /** How many compute processes of others were on the GPU during the run; null where nobody could look. */
  readonly foreign_processes: number | null;
}

/** What is known only after the run, and cannot be computed from its samples. */
export interface RunOutcome {
  readonly status: RunStatus;
  /** Why it stopped, in a few words: `measure_steps_reached`, `nan_or_inf`, `sigint`, `no_progress`, ... */
  readonly stop_reason: string;
  readonly exception: RunException | null;
  readonly executed: ExecutedPrecision | null;
  /** What it ran on, as the workload says itself; counts where the header says `unknown`. */
  readonly device: RunDevice | null;
  /** How step times were taken, where only the run itself shows it; null when it is as the header says. */
  readonly step_time_mode: StepTimeMode | null;
  /** The device's own peaks over the measured phase, in bytes; null when nobody measured them. */
  readonly peak_vram_reserved_bytes: number | null;
  readonly peak_vram_allocated_bytes: number | null;
  /** Why the device refused to tell its peaks; null when it did not refuse. */
  readonly vram_stats_error: string | null;
  /** Seconds from the run's start to its first step; null when it never got there. */
  readonly set_up_s: number | null;
  readonly stall: StallFacts | null;
  /** Null for a run that no GPU was watched for. */
  readonly gpu: GpuConditions | null;
  /** Whatever else is known of how it went: memory predicted and measured, a program's exit code. Nothing here is judged. */
  readonly extras: JsonObject;
  /** Who wrote the last artifacts: the run itself, its watchdog, or another process after the run's death. */
  readonly completed_by: "run" | "watchdog" | "supervisor";
}

/** An outcome with everything unknown left null: `runOutcome({ status: "completed", stop_reason: "..." })`. */
export function runOutcome(known: Pick<RunOutcome, "status" | "stop_reason"> & Partial<RunOutcome>): RunOutcome {
  return {
    exception: null,
    executed: null,
    device: null,
    step_time_mode: null,
    peak_vram_reserved_bytes: null,
    peak_vram_allocated_bytes: null,
    vram_stats_error: null,
    set_up_s: null,
    stall: null,
    gpu: null,
    extras: {},
    completed_by: "run",
    ...known,
  };
}
