import { type Gate, OBJECTIVE_V1 } from "@vrx/objective-contract";
import { collectEnv, createRunHeader, openRun } from "@vrx/objective-contract/node";
import { presets } from "@vrx/workload-schema";

const env = await collectEnv({ precision: "fp32", amp: false });

/** The gates of the contract every run here is held to. */
export const gateNames: readonly string[] = OBJECTIVE_V1.gates.map(({ name }: Gate) => name);

/** Writes the directory of a finished run of `od1_small` on the CPU, with these measured step times and one warm-up step. */
export async function writeRun(
  dir: string,
  {
    times_s,
    loss = 5.5,
    commit = "0".repeat(40),
  }: { times_s: readonly number[]; loss?: number; commit?: string | null },
): Promise<void> {
  const header = createRunHeader({
    workload: presets.od1_small,
    engine: "reference",
    engine_version: "1.0.0",
    device: { kind: "cpu", name: "cpu", simulated: false },
    warmup_steps: 1,
    measure_steps: times_s.length,
    step_time_mode: "perf_counter",
    seed: 7,
    argv: ["vrx", "probe"],
  });
  const run = await openRun(dir, header, {
    env: { ...env, git_commit: commit, git_dirty: commit === null ? null : 0 },
  });
  let end_s = 0.1;
  run.append({ phase: "warmup", step: 0, time_s: 0.1, end_s, loss });
  for (const [step, time_s] of times_s.entries()) {
    end_s += time_s;
    run.append({ phase: "measure", step, time_s, end_s, loss });
  }
  await run.finish({
    status: "completed",
    stop_reason: "all steps were measured",
    executed: { precision: "fp32", amp: false },
  });
}
