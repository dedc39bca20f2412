import type { TrialExecutor, TrialLimits } from "../executors/executor.js";
import type { IdleRule } from "../executors/wait-for-idle.js";
import type { TrialStore } from "../store/trial-store.js";
import { runSweep } from "../sweep/run-sweep.js";
import type { Trial } from "../trial/trial.js";
import type { TrialResult, TrialStatus } from "../trial/trial-result.js";
import { type HostSurvey, type JudgedHost, type OutlierOptions, hostOutliers } from "./host-outliers.js";

/** A host to be measured: what runs trials there, and a store of its own, since the trial is the same everywhere. */
export interface SurveyedPlace {
  readonly host: string;
  readonly executor: TrialExecutor;
  readonly store: TrialStore;
}

/** What became of the trial on one host. */
export interface HostResult {
  readonly host: string;
  /** Null where there is none, and why. */
  readonly result: TrialResult | null;
  readonly why: string | null;
  /** Whether the host failed its preflight, so that nothing was run. */
  readonly unfit: boolean;
}

export interface SurveyOptions {
  /** Look at the GPUs of each host first; not unless given. */
  readonly preflight?: boolean;
  readonly limits?: TrialLimits;
  readonly idle?: IdleRule;
  readonly signal?: AbortSignal;
  /** Hosts that are measured at the same time; 32 unless given. */
  readonly at_once?: number;
}

/** Runs one trial on every host and says what became of it, each as soon as it is known. Results that are there count. */
export async function* surveyHosts(
  trial: Trial,
  places: readonly SurveyedPlace[],
  { at_once = 32, ...options }: SurveyOptions = {},
): AsyncGenerator<HostResult, void, undefined> {
  const left = [...places];
  const running = new Map<string, Promise<HostResult>>();
  while (left.length > 0 || running.size > 0) {
    for (let place = left[0]; place !== undefined && running.size < at_once; place = left[0]) {
      left.shift();
      running.set(place.host, measured(trial, place, options));
    }
    const next = await Promise.race(running.values());
    running.delete(next.host);
    yield next;
  }
}

async function measured(
  trial: Trial,
  { host, executor, store }: SurveyedPlace,
  options: Omit<SurveyOptions, "at_once">,
): Promise<HostResult> {
  let why = "it was not run";
  let unfit = false;
  try {
    for await (const event of runSweep([trial], { ...options, executor, store, verify: true })) {
      if (event.event === "lost") {
        why = event.why;
        unfit = event.cause === "unfit_host";
      }
      if (event.event === "cancelled") why = "it was cancelled";
    }
    const result = await store.result(trial.digest);
    return { host, result, why: result === null ? why : null, unfit };
  } catch (error) {
    return { host, result: null, why: error instanceof Error ? error.message : String(error), unfit };
  }
}

/** A host in the summary of a survey. */
export interface SurveyedHost extends JudgedHost {
  readonly status: TrialStatus;
  /** Whether a scheduler should keep trials away from it. */
  readonly exclude: boolean;
}

/** The outcome of a survey: which hosts are like the others, and which a scheduler should keep away from. */
export interface SurveyReport extends Omit<HostSurvey, "hosts"> {
  readonly schema_version: "vrx_hosts_v1";
  readonly trial: string;
  readonly figure: "median_step_time_s";
  readonly hosts: readonly SurveyedHost[];
  /** Names of hosts, sorted: those that are slow or unfit, and those where the trial ran and did not pass. */
  readonly exclude: readonly string[];
}

/**
 * Judges the hosts of a survey by the median step time of the trial (`hostOutliers`). Slow hosts are excluded, and so are
 * those that failed their preflight or whose trial ended as anything but `passed` or `inconclusive`. Another host without a result is not: nothing is known.
 */
export function surveyReport(trial: Trial, results: readonly HostResult[], options: OutlierOptions = {}): SurveyReport {
  const unfit = new Set(results.filter((one) => one.unfit).map(({ host }) => host));
  const statuses = new Map(results.map(({ host, result }) => [host, result?.status ?? "not_run"] as const));
  const survey = hostOutliers(
    results.map(({ host, result, why }) => {
      const value = result?.figures["median_step_time_s"];
      const counts = result?.status === "passed" || result?.status === "inconclusive";
      if (counts && typeof value === "number" && value > 0) return { host, value, why: null };
      return { host, value: null, why: why ?? `${result?.status ?? "not_run"}: ${result?.reasons.join("; ") ?? ""}` };
    }),
    options,
  );
  const hosts = survey.hosts.map((one): SurveyedHost => {
    const status = statuses.get(one.host) ?? "not_run";
    const bad = !["passed", "inconclusive", "not_run", "cancelled"].includes(status);
    return { ...one, status, exclude: bad || unfit.has(one.host) || one.standing === "slow" };
  });
  return {
    schema_version: "vrx_hosts_v1",
    trial: trial.digest,
    figure: "median_step_time_s",
    median: survey.median,
    mad: survey.mad,
    hosts: hosts.toSorted((a, b) => (a.host < b.host ? -1 : 1)),
    exclude: hosts
      .filter(({ exclude }) => exclude)
      .map(({ host }) => host)
      .sort(),
  };
}
