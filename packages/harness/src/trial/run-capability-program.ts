import { spawn } from "node:child_process";
import { join } from "node:path";
import type { CapabilityReport } from "@vrx/ant-ratio";
import { readReportArtifact } from "@vrx/ant-ratio/node";
import { workloadToEnv } from "@vrx/workload-schema";
import { HarnessError } from "../errors.js";
import type { CapabilityPlan } from "./trial.js";

export type ProgramCapability =
  | { readonly status: "evaluated"; readonly report: CapabilityReport }
  | { readonly status: "unusable"; readonly reasons: readonly string[] };

/** How much of what a program prints is kept to say why it failed. */
const TAIL_BYTES = 2000;

function environment(plan: CapabilityPlan, folder: string): NodeJS.ProcessEnv {
  const { task, runner } = plan;
  // Variables of vrx that happen to be set here must not change a trial.
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("VRX_")));
  return {
    ...inherited,
    ...(runner.kind === "program" ? runner.env : {}),
    ...workloadToEnv(plan.workload),
    VRX_EXPERT_HEADS: String(plan.heads),
    VRX_SEED: String(plan.seed),
    VRX_TRAIN_STEPS: String(plan.steps),
    VRX_ASSOC_KEYS: String(task.keys),
    VRX_ASSOC_PAIRS: String(task.pairs),
    VRX_ASSOC_VALUES: String(task.values),
    VRX_ASSOC_TRAIN_SAMPLES: String(task.train_samples),
    VRX_ASSOC_EVAL_SAMPLES: String(task.eval_samples),
    VRX_REPORT_DIR: folder,
  };
}

/**
 * Runs a program that trains and evaluates by itself, and reads the `report.json` it leaves in the folder that
 * `VRX_REPORT_DIR` names. Its exit code decides nothing where there is a report that says what has to be said.
 */
export async function runCapabilityProgram(
  plan: CapabilityPlan,
  { folder, signal }: { readonly folder: string; readonly signal?: AbortSignal },
): Promise<ProgramCapability> {
  if (plan.runner.kind !== "program") throw new HarnessError("invalid_argument", "runner: expected a program");
  const [command, ...rest] = plan.runner.argv;
  if (command === undefined) throw new HarnessError("invalid_argument", "argv: expected a program, found nothing");
  const ended = await new Promise<string>((settle, reject) => {
    const child = spawn(command, rest, {
      env: environment(plan, folder),
      stdio: ["ignore", "ignore", "pipe"],
      ...(signal === undefined ? {} : { signal }),
    });
    let tail = "";
    child.stderr.on("data", (chunk: Buffer) => (tail = (tail + chunk.toString()).slice(-TAIL_BYTES)));
    child.on("error", (error) => (signal?.aborted === true ? reject(error) : settle(error.message)));
    child.on("close", (code, killed) =>
      settle(`it ended with ${killed ?? `exit code ${code}`}${tail === "" ? "" : `: ${tail}`}`),
    );
  });
  signal?.throwIfAborted();
  const read = await readReportArtifact(folder);
  if (read.status === "invalid") {
    return { status: "unusable", reasons: [...read.issues.map(({ message }) => message), ended] };
  }
  const report = read.artifacts.json as unknown as CapabilityReport;
  const reasons = missingFacts(report).map((fact) => `${join(folder, "report.json")}: ${fact} is missing`);
  return reasons.length === 0 ? { status: "evaluated", report } : { status: "unusable", reasons };
}

/** What a trial's figures need; the packet reads everything else by itself, strictly. */
function missingFacts(report: Partial<CapabilityReport>): readonly string[] {
  const wanted: readonly (readonly [string, unknown, string])[] = [
    ["/eval/eval_acc", report.eval?.eval_acc, "number"],
    ["/eval/eval_n", report.eval?.eval_n, "number"],
    ["/train/steps", report.train?.steps, "number"],
    ["/train/ring_tokens", report.train?.ring_tokens, "number"],
    ["/engine/simulated", report.engine?.simulated, "boolean"],
  ];
  return wanted.flatMap(([pointer, value, type]) => (typeof value === type ? [] : [pointer]));
}
