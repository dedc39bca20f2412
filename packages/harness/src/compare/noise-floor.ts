import {
  type JsonObject,
  type JsonValue,
  type RunRecord,
  canonicalJson,
  isJsonObject,
  measuredSamples,
  runDevice,
  stepStats,
} from "@vrx/objective-contract";
import { HarnessError } from "../errors.js";
import { type HostFacts, hostDifferences, hostFacts, readHostFacts } from "./host-facts.js";

/** What a noise floor holds for: another workload, engine or device has another one. */
export interface FloorSubject {
  readonly workload_digest: string;
  readonly heads: number;
  readonly engine: string;
  readonly threads: number | null;
  readonly device: string;
  readonly step_time_mode: string;
}

/** How far apart two runs of the same thing on the same host are; made by `noiseFloorOf`. */
export interface NoiseFloor {
  readonly schema_version: "vrx_noise_floor_v1";
  readonly host: HostFacts;
  readonly subject: FloorSubject;
  /** The median step time of each run, in seconds, in the order in which they ran. */
  readonly median_step_times_s: readonly number[];
  /** A difference of this share of a step's time, either way, is noise: 0.03 is 3 %. */
  readonly floor_ratio: number;
  readonly measured_utc: string;
}

/** The fewest runs whose scatter says anything. */
export const MIN_FLOOR_RUNS = 3;

/** The 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom (NIST/SEMATECH e-Handbook, 1.3.6.7.2). */
const T_975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** What of a run its noise depends on. */
export function floorSubject(run: RunRecord): FloorSubject {
  const { workload_digest, out_dim, engine, threads, step_time_mode } = run.header;
  return { workload_digest, heads: out_dim, engine, threads, device: runDevice(run).name, step_time_mode };
}

/** The median of the measured steps, in seconds; null where no step was measured. */
export function medianStepTime(run: RunRecord): number | null {
  const times = measuredSamples(run.samples).map(({ time_s }) => time_s);
  return stepStats(times.filter((time_s) => Number.isFinite(time_s) && time_s > 0)).median_s;
}

/**
 * The noise floor of runs of one thing, A against A. Of two more such runs, the medians of the step times differ by more
 * than the floor once in twenty times: it is the 95 % prediction interval of a difference of two normal variates with
 * the variance of the logarithms seen, t(0.975, n - 1) * s * sqrt(2) (Hahn and Meeker, Statistical Intervals, 1991,
 * 4.8), and at least the largest difference that was seen. Throws `invalid_argument` for fewer than three runs, for
 * runs of different things or hosts, and for a run without measured steps.
 */
export function noiseFloorOf(runs: readonly RunRecord[]): NoiseFloor {
  const [first, ...rest] = runs;
  if (first === undefined || runs.length < MIN_FLOOR_RUNS) {
    throw new HarnessError("invalid_argument", `runs: expected at least ${MIN_FLOOR_RUNS}, found ${runs.length}`);
  }
  const subject = floorSubject(first);
  const host = hostFacts(first.env);
  for (const run of rest) {
    const differences = [
      ...hostDifferences(host, hostFacts(run.env)),
      ...subjectDifferences(subject, floorSubject(run)),
    ];
    if (differences.length > 0) {
      throw new HarnessError(
        "invalid_argument",
        `runs: expected runs of one thing on one host: ${differences.join("; ")}`,
      );
    }
  }
  const medians = runs.map((run) => {
    const median_s = medianStepTime(run);
    if (median_s !== null) return median_s;
    throw new HarnessError("invalid_argument", "runs: expected measured steps in each of them, found a run without");
  });
  const logs = medians.map((median_s) => Math.log(median_s));
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  const t = T_975[logs.length - 2] ?? T_975[T_975.length - 1] ?? 2;
  const predicted = t * Math.sqrt(2 * variance);
  const seen = Math.max(...logs) - Math.min(...logs);
  return {
    schema_version: "vrx_noise_floor_v1",
    host,
    subject,
    median_step_times_s: medians,
    floor_ratio: Math.expm1(Math.max(predicted, seen)),
    measured_utc: runs[runs.length - 1]?.header.created_utc ?? first.header.created_utc,
  };
}

/** Why a floor does not hold for a run; empty where it does. */
export function floorMismatches(floor: NoiseFloor, run: RunRecord): readonly string[] {
  return [...hostDifferences(floor.host, hostFacts(run.env)), ...subjectDifferences(floor.subject, floorSubject(run))];
}

function subjectDifferences(a: FloorSubject, b: FloorSubject): readonly string[] {
  const keys = ["workload_digest", "heads", "engine", "threads", "device", "step_time_mode"] as const;
  return keys.flatMap((key) => (a[key] === b[key] ? [] : [`${key}: ${String(a[key])} and ${String(b[key])}`]));
}

/** The same measurement: a newer floor takes the place of an older one of the same host and subject. */
export function floorKey({ host, subject }: NoiseFloor): string {
  return canonicalJson({ host: { ...host }, subject: { ...subject } });
}

/** Reads a floor from what JSON gave; null where it is none. */
export function readNoiseFloor(json: JsonValue): NoiseFloor | null {
  if (!isJsonObject(json) || json["schema_version"] !== "vrx_noise_floor_v1") return null;
  const { host, subject, median_step_times_s: medians, floor_ratio, measured_utc } = json;
  if (host === undefined || !isJsonObject(host) || subject === undefined || !isJsonObject(subject)) return null;
  const facts = readHostFacts(host);
  const about = readSubject(subject);
  if (facts === null || about === null || !Array.isArray(medians) || typeof measured_utc !== "string") return null;
  const numbers = medians.filter((one): one is number => typeof one === "number" && one > 0);
  if (numbers.length !== medians.length || typeof floor_ratio !== "number" || !(floor_ratio >= 0)) return null;
  return {
    schema_version: "vrx_noise_floor_v1",
    host: facts,
    subject: about,
    median_step_times_s: numbers,
    floor_ratio,
    measured_utc,
  };
}

function readSubject(json: JsonObject): FloorSubject | null {
  const { workload_digest, heads, engine, threads, device, step_time_mode } = json;
  if (typeof workload_digest !== "string" || typeof engine !== "string" || typeof device !== "string") return null;
  if (typeof heads !== "number" || typeof step_time_mode !== "string") return null;
  if (threads !== null && typeof threads !== "number") return null;
  return { workload_digest, heads, engine, threads, device, step_time_mode };
}
