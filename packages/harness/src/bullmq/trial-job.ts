import { createHash } from "node:crypto";
import { isAbsolute } from "node:path";
import { HarnessError } from "../errors.js";
import type { TrialLimits } from "../executors/executor.js";
import { type TrialPause, readPause } from "../executors/wait-for-idle.js";

/** What the queue carries of a trial: everything else is in the store. */
export interface TrialJob {
  readonly schema_version: "vrx_trial_job_v1";
  readonly digest: string;
  /** The store's folder as the one who asked for the trial sees it. */
  readonly store: string;
  readonly limits: TrialLimits;
  readonly pause?: TrialPause;
}

/** The name all jobs have. */
export const job_name = "trial";

/**
 * The id of a trial's job: the same for the same trial of the same store, so that asking twice makes one job. It has
 * no colon and is no number, both of which BullMQ refuses.
 */
export function jobId(store: string, digest: string): string {
  return `trial-${createHash("sha256").update(store).digest("hex").slice(0, 16)}-${digest}`;
}

/** The key whose presence tells a worker to give a running trial up. */
export function cancelKey(queue: string, id: string): string {
  return `vrx:${queue}:cancel:${id}`;
}

/** What a job says, or null where it is none of these: anybody who reaches Redis may put something into the queue. */
export function readTrialJob(data: unknown): TrialJob | null {
  if (typeof data !== "object" || data === null) return null;
  const job: Partial<Record<keyof TrialJob, unknown>> = data;
  const { schema_version, digest, store, limits, pause } = job;
  if (schema_version !== "vrx_trial_job_v1" || typeof store !== "string" || !isAbsolute(store)) return null;
  if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest)) return null;
  if (typeof limits !== "object" || limits === null) return null;
  const { time_s, memory_bytes }: Partial<Record<keyof TrialLimits, unknown>> = limits;
  if (!isLimit(time_s) || !isLimit(memory_bytes)) return null;
  const read = { schema_version, digest, store, limits: { time_s, memory_bytes } } as const;
  if (pause === undefined) return read;
  const known = readPause(pause);
  return known === null ? null : { ...read, pause: known };
}

function isLimit(value: unknown): value is number | null {
  return value === null || (typeof value === "number" && value > 0 && Number.isFinite(value));
}

/** Throws `invalid_argument` for a name of a queue that cannot be one. */
export function checkedQueue(queue: string): string {
  if (/^[\w.-]{1,100}$/.test(queue)) return queue;
  throw new HarnessError(
    "invalid_argument",
    `expected the name of a queue of letters, digits and . _ -, found ${JSON.stringify(queue)}`,
  );
}
