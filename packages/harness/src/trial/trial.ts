import type { JsonObject } from "@vrx/objective-contract";
import type { CpuInstructionSet, EngineKind, RingOptions } from "@vrx/ring-engine";
import type { WorkloadSpec } from "@vrx/workload-schema";
import type { AssocTask } from "../capability/assoc-task.js";

/** The ring, executed by an engine that is named: never `auto`, so that a plan means the same everywhere. */
export interface RingRunner {
  readonly kind: "ring";
  readonly engine: EngineKind;
  /** Which GPU is the executor's to say; `driver` is another CUDA driver than the system's, such as a fake one. */
  readonly engine_options: {
    readonly threads?: number;
    readonly instruction_set?: CpuInstructionSet;
    readonly driver?: string;
  };
  /** What differs from the defaults; the heads are the plan's. */
  readonly options: Partial<Omit<RingOptions, "expert_heads">>;
}

/**
 * Any program. A probe's program speaks the protocol of docs/any-program.md; a capability program leaves a
 * `report.json` in the folder that `VRX_REPORT_DIR` names.
 */
export interface ProgramRunner {
  readonly kind: "program";
  readonly argv: readonly string[];
  /** Variables the program gets beside those of the protocol. */
  readonly env: Readonly<Record<string, string>>;
  /** What its author says identifies its code, so that a changed program is another trial; null: nothing said. */
  readonly version: string | null;
}

export type Runner = RingRunner | ProgramRunner;

interface PlanCommon {
  readonly schema_version: "vrx_trial_v1";
  /** Without names and notes: those are no part of what runs. */
  readonly workload: WorkloadSpec;
  readonly heads: number;
  readonly seed: number;
  readonly runner: Runner;
  /** The version of vrx a result may come from, by the sweep's policy; null: any. */
  readonly toolkit: string | null;
}

/** What one configuration costs: warm-up and measured steps under the objective contract. */
export interface ProbePlan extends PlanCommon {
  readonly kind: "probe";
  readonly warmup_steps: number;
  readonly measure_steps: number;
  readonly contract: string;
  readonly vram_guard_ratio: number | null;
  readonly amp: boolean | null;
  /** The memory a host without a GPU declares for the ratio; never taken for VRAM. */
  readonly memory_budget_bytes: number | null;
}

/** What one configuration can learn: trained for a budget, evaluated on a set of its own. */
export interface CapabilityPlan extends PlanCommon {
  readonly kind: "capability";
  readonly task: AssocTask;
  readonly steps: number;
  /** steps x batch_size x seq_len */
  readonly ring_tokens: number;
}

/** Everything that changes the result of a trial, as plain data, and nothing else. */
export type TrialPlan = ProbePlan | CapabilityPlan;

/**
 * A plan with its address. `digest` is the SHA-256 over the domain tag `vrx.trial.v1`, a line feed and the plan's
 * canonical JSON (`canonicalJson` of `@vrx/objective-contract`): two trials with one digest are one trial.
 */
export interface Trial {
  readonly digest: string;
  readonly plan: TrialPlan;
  /** What the sweep's axes called this trial; for people, no part of the digest. */
  readonly labels: JsonObject;
}
