import type { HeartbeatPolicy } from "./heartbeat.js";
import type { JsonObject } from "./json.js";
import type { Precision } from "@vrx/workload-schema";
import type { RunWorkload } from "./run-workload.js";

/** The schema of a run directory; it changes when the meaning of an artifact does. */
export const RUN_SCHEMA_VERSION = "vrx_run_v1";

/** The values of `StepTimeMode`. */
export const stepTimeModes = ["perf_counter", "cuda_events", "self_reported", "arrival"] as const;

/** How step times were taken; `arrival` is the time from one reported step to the next, seen from outside. */
export type StepTimeMode = (typeof stepTimeModes)[number];

/** What the run is executed on, as far as it is known before it starts. */
export interface RunDevice {
  /** `cpu` makes the VRAM gates not applicable; `unknown` (a program that does not say) leaves them without evidence. */
  readonly kind: "cpu" | "cuda" | "unknown";
  /** For people: `cpu`, `cuda:0`, a UUID. */
  readonly name: string;
  /** A stand-in for hardware, as tests use; a run on one never passes. */
  readonly simulated: boolean;
}

/** The contract a run is held to, by name; `gates` are the names of its gates in order. */
export interface ContractReference {
  readonly name: string;
  readonly gates: readonly string[];
  /** Where the contract is written down. */
  readonly page: string;
}

/** Everything that is known before a run; what `run_cmd.txt` carries. Made by `createRunHeader`. */
export interface RunHeader {
  readonly schema_version: typeof RUN_SCHEMA_VERSION;
  readonly workload: RunWorkload;
  /** For people: 48 bits, which collide. */
  readonly workload_id: string;
  /** All 64 digits: what joins, reuses and proves. */
  readonly workload_digest: string;
  /** `<workload_id>__E<out_dim>__<precision>_amp<0|1>` */
  readonly probe_id: string;
  /** Whatever else changes the result: the options of the engine, the seed, the program's arguments. */
  readonly run_options: JsonObject;
  /** SHA-256 of the canonical JSON of `run_options`. */
  readonly run_options_digest: string;
  readonly engine: string;
  readonly engine_version: string | null;
  readonly device: RunDevice;
  readonly precision: Precision;
  readonly amp: boolean;
  /** The number of expert heads. */
  readonly out_dim: number;
  readonly warmup_steps: number;
  readonly measure_steps: number;
  readonly step_time_mode: StepTimeMode;
  readonly seed: number | string | null;
  readonly threads: number | null;
  readonly contract: ContractReference;
  readonly workload_page: string;
  readonly vram_guard_ratio: number;
  /** What the watchdog holds the run to; null when nobody watches it. */
  readonly heartbeat: HeartbeatPolicy | null;
  /** The command line with its secrets taken out. */
  readonly argv: readonly string[];
  /** ISO 8601, UTC. */
  readonly created_utc: string;
  readonly notes: readonly string[];
}
