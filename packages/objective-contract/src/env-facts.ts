import type { JsonObject } from "./json.js";
import type { Precision } from "@vrx/workload-schema";
import type { RunDevice, StepTimeMode } from "./run-header.js";

/** The schema of `env.json`; it changes when the meaning of a key does. */
export const ENV_SCHEMA_VERSION = "v1";

/**
 * The machine and the software a run happened on: what `env.json` carries. What is not known is null, and
 * `reasons` says why for each such key; `errors` has the causes as short codes.
 */
export interface EnvFacts {
  readonly env_schema_version: typeof ENV_SCHEMA_VERSION;
  readonly tool_version: string;
  readonly generated_utc: string;
  readonly host: string | null;
  readonly os: string;
  readonly arch: string;
  readonly cpu_model: string | null;
  /** Logical processors. */
  readonly cpu_count: number | null;
  readonly total_memory_bytes: number | null;
  readonly node_version: string | null;
  readonly python_version: string | null;
  readonly torch_version: string | null;
  readonly cuda_version: string | null;
  /** The precision that was asked for. */
  readonly precision: string;
  /** 1 when automatic mixed precision was asked for. */
  readonly amp: 0 | 1 | null;
  /** The precision that was executed. */
  readonly executed_precision: Precision | null;
  readonly executed_amp: 0 | 1 | null;
  /** What the workload said of its device once it ran. */
  readonly executed_device: RunDevice | null;
  readonly executed_step_time_mode: StepTimeMode | null;
  /** Whether TensorFloat-32 was allowed in fp32 products. */
  readonly tf32: boolean | null;
  readonly gpu_name: string | null;
  readonly total_vram_bytes: number | null;
  /** `major.minor` */
  readonly compute_capability: string | null;
  readonly driver_version: string | null;
  readonly cuda_driver_reported: string | null;
  /** WDDM or TCC, on Windows. */
  readonly driver_model: string | null;
  readonly nvidia_smi_query: JsonObject | null;
  readonly nvidia_smi_raw: string | null;
  readonly git_commit: string | null;
  readonly git_dirty: 0 | 1 | null;
  readonly git_error: string | null;
  readonly env_vars: Readonly<Record<string, string | null>>;
  readonly errors: readonly string[];
  readonly reasons: Readonly<Record<string, string>>;
}
