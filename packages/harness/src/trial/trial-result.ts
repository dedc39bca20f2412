import type { JsonObject } from "@vrx/objective-contract";

/**
 * How a trial ended, as data. `passed`: a probe whose verdict is pass, or a capability run that was evaluated.
 * `failed`, `inconclusive`, `invalid`: the verdict of a probe, or a program that failed. `throttled`: the samples are
 * invalid because the device was slowed. `not_run`: planned, and nothing is known of it yet.
 */
export type TrialStatus =
  "passed" | "failed" | "inconclusive" | "invalid" | "oom" | "timeout" | "throttled" | "cancelled" | "not_run";

/** Statuses that are results: they are published, and stand until someone asks for them again. */
export type PublishedStatus = Exclude<TrialStatus, "not_run" | "cancelled">;

/** `result.json` of a published trial. */
export interface TrialResult {
  readonly schema_version: "vrx_trial_result_v1";
  readonly digest: string;
  readonly status: PublishedStatus;
  /** Why, in words, for every status but `passed`. */
  readonly reasons: readonly string[];
  /** Whose result this is: the token of the attempt that published it. */
  readonly attempt: string;
  readonly started_utc: string;
  readonly ended_utc: string;
  readonly host: string;
  readonly executor: string;
  /** The GPU it held, by UUID; null where it held none. */
  readonly gpu_uuid: string | null;
  /** Ran on the fake driver or another stand-in: never a reason to believe anything of hardware. */
  readonly simulated: boolean;
  /** Figures worth having without opening the artifacts. */
  readonly figures: JsonObject;
  /** Every other file below the result's folder with its SHA-256, by relative POSIX path. */
  readonly files: Readonly<Record<string, string>>;
}
