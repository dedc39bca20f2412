import type { Submission } from "./submissions.js";

/** A task of an array by its place. */
export interface PlacedTask {
  readonly submission: Submission;
  readonly index: number;
}

/** What scancel is told to end these tasks and no other ones: whole arrays by their job, parts of one by their indices. */
export function cancelTargets(tasks: readonly PlacedTask[]): readonly string[] {
  const jobs = new Map<Submission, number[]>();
  for (const { submission, index } of tasks) {
    const indices = jobs.get(submission);
    if (indices === undefined) jobs.set(submission, [index]);
    else indices.push(index);
  }
  return [...jobs].flatMap(([{ job_id, digests }, indices]) => {
    if (job_id === null) return [];
    return indices.length === digests.length
      ? [job_id]
      : inGroups(indices).map((some) => `${job_id}_[${some.join(",")}]`);
  });
}

// One argument of a command line holds 128 KiB on Linux.
const most_in_one_argument = 5_000;

function inGroups(indices: readonly number[]): readonly (readonly number[])[] {
  const groups: number[][] = [];
  for (let first = 0; first < indices.length; first += most_in_one_argument) {
    groups.push(indices.slice(first, first + most_in_one_argument));
  }
  return groups;
}
