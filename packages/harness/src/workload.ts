import type {
  ExecutedPrecision,
  GpuConditions,
  JsonObject,
  RunDevice,
  StepSample,
  StepTimeMode,
} from "@vrx/objective-contract";
import type { WorkloadSpec } from "@vrx/workload-schema";

/** What a workload says of one step it ran. All of it is optional: what is not known is not judged as if it were. */
export interface StepReport extends Partial<Omit<StepSample, "step" | "phase" | "end_s" | "time_s" | "loss">> {
  /** The loss of the step; NaN and infinities are what they are, null or absent is unknown. */
  readonly loss?: number | null;
  /** How long the step took, in seconds; when absent the harness times it. */
  readonly time_s?: number | null;
}

/** What a workload is asked to run. */
export interface WorkloadRequest {
  readonly spec: WorkloadSpec;
  /** Expert heads: not part of the spec, but of the probe's id. */
  readonly heads: number;
  readonly seed: number;
  readonly warmup_steps: number;
  readonly measure_steps: number;
  readonly workload_id: string;
  readonly probe_id: string;
}

/** What is known of a workload before it is started; what is absent is the workload's name, null, or `unknown`. */
export interface WorkloadDescription {
  readonly engine?: string;
  readonly engine_version?: string | null;
  readonly device?: RunDevice;
  readonly threads?: number | null;
  readonly step_time_mode?: StepTimeMode;
  /** Whatever else changes the result; part of the run's identity. */
  readonly run_options?: JsonObject;
  /** Figures that are known before the run and belong beside the measured ones. */
  readonly extras?: JsonObject;
  readonly notes?: readonly string[];
}

/** What a workload says of itself once it runs. Absent and null both mean unknown. */
export interface WorkloadFacts {
  /** The arithmetic that is really executed. Without it the verdict is inconclusive at best. */
  readonly executed?: ExecutedPrecision | null;
  /** Counts where the description said nothing. */
  readonly device?: RunDevice | null;
  readonly step_time_mode?: StepTimeMode;
  readonly gpu_name?: string | null;
  readonly total_vram_bytes?: number | null;
  readonly tf32?: boolean | null;
  readonly torch_version?: string | null;
  readonly python_version?: string | null;
  readonly cuda_version?: string | null;
  /** The device's own peaks, in bytes; those of the samples count where they are higher. */
  readonly peak_vram_reserved_bytes?: number | null;
  readonly peak_vram_allocated_bytes?: number | null;
  /** Why the device would not tell its peaks; null where it did, or was not asked. */
  readonly vram_stats_error?: string | null;
  /** What was seen of the GPU beside the run. */
  readonly gpu?: GpuConditions | null;
  /** Anything else that is worth keeping; recorded, never judged. */
  readonly extras?: JsonObject;
}

/** A workload that is set up and can be stepped, once. */
export interface WorkloadSession {
  /** Asked when the steps are over. */
  facts?(): WorkloadFacts;
  /** Warm-up and measured steps in one sequence, of which the harness takes as many as it needs. */
  steps(): AsyncIterable<StepReport> | Iterable<StepReport>;
  /** What the workload printed, kept in the run directory as `log.txt` when there is any. */
  log?(): string;
  /**
   * Called when no more steps are wanted: `completed` after the last measured step, `abandoned` when the run ends
   * for another reason, also while `completed` is taking its time. What it throws after `completed` fails the run.
   */
  close?(how: "completed" | "abandoned"): Promise<void> | void;
}

/** Something that can be measured: the ring, a program, or a workload of your own. */
export interface Workload {
  /** For people and for the artifacts: `ring`, `command`, ... */
  readonly name: string;
  /** What is known before the start; throws when this workload cannot run the request. Nothing is written before. */
  describe?(request: WorkloadRequest): Promise<WorkloadDescription> | WorkloadDescription;
  /** Sets the workload up; `signal` is aborted when the run is to end. */
  prepare(request: WorkloadRequest, signal: AbortSignal): Promise<WorkloadSession> | WorkloadSession;
}

/**
 * A workload of your own. Only `name` and `prepare` are needed; to get a verdict other than `inconclusive`, say in
 * `describe` where it runs and in `facts` which precision it executes.
 *
 * @example
 * const halving = defineWorkload({
 *   name: "halving",
 *   describe: () => ({ device: cpuDevice }),
 *   prepare: ({ spec }) => ({
 *     facts: () => ({ executed: { precision: "fp64", amp: false } }),
 *     *steps() {
 *       for (let loss = spec.ant_spec.ring_len; ; loss /= 2) yield { loss };
 *     },
 *   }),
 * });
 */
export function defineWorkload(workload: Workload): Workload {
  return workload;
}

/** The device of a workload that runs on the CPU. */
export const cpuDevice: RunDevice = { kind: "cpu", name: "cpu", simulated: false };

/** The device of a name: `cpu`, `cuda`, `cuda:0` or the UUID of a GPU or MIG instance; anything else is of a kind nobody knows. */
export function deviceNamed(name: string): RunDevice {
  const kind = name === "cpu" ? "cpu" : /^cuda(:\d+)?$|^(GPU|MIG)-[\da-f-]+$/i.test(name) ? "cuda" : "unknown";
  return { kind, name, simulated: false };
}
