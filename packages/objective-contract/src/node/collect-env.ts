import { arch, cpus, hostname, release, totalmem, type, version } from "node:os";
import { ENV_SCHEMA_VERSION, type EnvFacts } from "../env-facts.js";
import { redactEnv } from "../redact.js";
import type { RunDevice } from "../run-header.js";
import { type GitState, readGitState } from "./internal/git-state.js";
import { readNvidiaSmi } from "./internal/nvidia-smi.js";

/** What `collectEnv` is told; everything else it finds out. */
export interface CollectEnvOptions {
  /** The precision that is asked for. */
  readonly precision: string;
  readonly amp: boolean;
  /** What the run is executed on, when that is known. */
  readonly device?: RunDevice;
  /** The folder whose git state is recorded; the current one by default. */
  readonly cwd?: string;
  /** Where PATH and the recorded variables are taken from; the process's own environment by default. */
  readonly env?: NodeJS.ProcessEnv;
  /** Facts that the caller knows better (the versions inside the program it measures); their reasons are dropped. */
  readonly known?: Partial<EnvFacts>;
}

/** Who wrote an artifact. */
export const TOOL_VERSION = "vrx_objective_contract/1";

/**
 * Collects what is known of the machine: host, processor, memory, system, Node, git (at most 2 s), the first GPU
 * through nvidia-smi (at most 3 s a question) and an allow-list of environment variables without secrets. Never
 * throws: what is not known is null with a reason.
 */
export async function collectEnv(options: CollectEnvOptions): Promise<EnvFacts> {
  const env = options.env ?? process.env;
  const [git, gpu] = await Promise.all([readGitState(options.cwd ?? process.cwd(), env), readNvidiaSmi(env)]);
  const processors = cpus();
  const env_vars = redactEnv(env);
  const errors = [...gpu.errors, ...(git.error === null ? [] : [git.error])];
  const facts: Omit<EnvFacts, "reasons"> = {
    env_schema_version: ENV_SCHEMA_VERSION,
    tool_version: TOOL_VERSION,
    generated_utc: new Date().toISOString().replace("Z", "+00:00"),
    host: hostname(),
    os: `${type()} ${release()} (${version()})`,
    arch: arch(),
    cpu_model: processors[0]?.model.trim() ?? null,
    cpu_count: processors.length,
    total_memory_bytes: totalmem(),
    node_version: process.version,
    python_version: null,
    torch_version: null,
    cuda_version: gpu.cuda_driver_reported,
    precision: options.precision,
    amp: options.amp ? 1 : 0,
    executed_precision: null,
    executed_amp: null,
    executed_device: null,
    executed_step_time_mode: null,
    tf32: env["NVIDIA_TF32_OVERRIDE"] === "0" ? false : null,
    gpu_name: gpu.gpu_name,
    total_vram_bytes: gpu.total_vram_bytes,
    compute_capability: gpu.compute_capability,
    driver_version: gpu.driver_version,
    cuda_driver_reported: gpu.cuda_driver_reported,
    driver_model: gpu.driver_model,
    nvidia_smi_query: gpu.query,
    nvidia_smi_raw: gpu.raw,
    git_commit: git.commit,
    git_dirty: git.dirty,
    git_error: git.error,
    env_vars,
    errors,
    ...options.known,
  };
  return { ...facts, reasons: { ...whyNull(facts, gpu.errors, git, options.device), ...options.known?.reasons } };
}

function whyNull(
  facts: Omit<EnvFacts, "reasons">,
  gpuErrors: readonly string[],
  git: GitState,
  device: RunDevice | undefined,
): Readonly<Record<string, string>> {
  const gpu = gpuErrors[0] ?? "nvidia-smi does not tell it";
  const gitWhy = git.error ?? "git does not tell it";
  const later = "known only once the workload is set up";
  const why: Readonly<Record<string, string>> = {
    python_version: "no Python program has reported it",
    torch_version: "no Python program has reported it",
    cuda_version: gpu,
    executed_precision: later,
    executed_amp: later,
    executed_device: later,
    executed_step_time_mode: later,
    tf32: device?.kind === "cpu" ? "a CPU has no TensorFloat-32" : "the workload has not reported it",
    gpu_name: gpu,
    total_vram_bytes: gpu,
    compute_capability: gpu,
    driver_version: gpu,
    cuda_driver_reported: gpu,
    driver_model: gpu === "nvidia-smi does not tell it" ? "drivers on this system have no model" : gpu,
    nvidia_smi_query: gpu,
    nvidia_smi_raw: gpu,
    git_commit: gitWhy,
    git_dirty: gitWhy,
    git_error: "git gave no error",
  };
  return Object.fromEntries(
    Object.entries(facts).flatMap(([key, value]) =>
      value === null ? [[key, why[key] ?? "the system does not tell it"]] : [],
    ),
  );
}
