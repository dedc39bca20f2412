import type { EnvFacts } from "./env-facts.js";
import type { RunOutcome } from "./run-outcome.js";

/** Facts of `env.json` that only the workload knows, such as the libraries inside a program; they win over what was found out from outside. */
export type ReportedEnv = Partial<
  Pick<EnvFacts, "tf32" | "gpu_name" | "total_vram_bytes" | "torch_version" | "python_version" | "cuda_version">
>;

/** The facts of `env.json` with what is known of the execution; the same object when nothing is new. */
export function withExecuted(
  env: EnvFacts,
  facts: Pick<RunOutcome, "executed" | "device" | "step_time_mode"> & ReportedEnv,
): EnvFacts {
  const { executed, device, step_time_mode } = facts;
  const next: EnvFacts = {
    ...env,
    executed_precision: executed?.precision ?? env.executed_precision,
    executed_amp: executed === null ? env.executed_amp : executed.amp ? 1 : 0,
    executed_device: device ?? env.executed_device,
    executed_step_time_mode: step_time_mode ?? env.executed_step_time_mode,
    tf32: facts.tf32 ?? env.tf32,
    gpu_name: facts.gpu_name ?? env.gpu_name,
    total_vram_bytes: facts.total_vram_bytes ?? env.total_vram_bytes,
    torch_version: facts.torch_version ?? env.torch_version,
    python_version: facts.python_version ?? env.python_version,
    cuda_version: facts.cuda_version ?? env.cuda_version,
  };
  const answers: ReadonlyMap<string, unknown> = new Map(Object.entries(next));
  const reasons = Object.fromEntries(
    Object.entries(env.reasons).filter(([key]) => (answers.get(key) ?? null) === null),
  );
  const whole = { ...next, reasons };
  return JSON.stringify(whole) === JSON.stringify(env) ? env : whole;
}

/** The executed precision as `env.json` has it. */
export function executedOf(env: EnvFacts): RunOutcome["executed"] {
  const { executed_precision: precision, executed_amp: amp } = env;
  return precision === null || amp === null ? null : { precision, amp: amp === 1 };
}
