import { HarnessError } from "../../errors.js";

/** One of `of` equal parts of a sweep, counted from 1. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/**
 * The part of a sweep that an array's task runs when nobody says `--shard`: its place among the tasks of its array.
 * Null outside of an array's task. Throws `invalid_argument` where the variables that Slurm sets make no sense.
 */
export function slurmShard(env: Readonly<Record<string, string | undefined>>): Shard | null {
  const { SLURM_ARRAY_TASK_ID: id, SLURM_ARRAY_TASK_COUNT: count } = env;
  if (id === undefined || count === undefined) return null;
  // An array may start elsewhere than at 0 and take steps: what counts is the place, not the number.
  const first = Number(env["SLURM_ARRAY_TASK_MIN"] ?? "0");
  const step = Number(env["SLURM_ARRAY_TASK_STEP"] ?? "1");
  const index = (Number(id) - first) / step + 1;
  const of = Number(count);
  if (Number.isInteger(index) && Number.isInteger(of) && index >= 1 && index <= of) return { index, of };
  throw new HarnessError(
    "invalid_argument",
    `expected an array of tasks that are one step apart (such as --array=0-9), found SLURM_ARRAY_TASK_ID=${id}, ` +
      `SLURM_ARRAY_TASK_MIN=${first}, SLURM_ARRAY_TASK_STEP=${step}, SLURM_ARRAY_TASK_COUNT=${count}; say --shard i/n`,
  );
}
