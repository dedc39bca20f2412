import type { Patience } from "./controller.js";
import type { SlurmAnswer, SlurmCommand } from "./slurm-commands.js";
import { type SlurmOptions, resourceArguments } from "./slurm-options.js";
import { queueOf } from "./slurm-queue.js";
import type { Submission } from "./submissions.js";

/** How an array is to be submitted. */
export interface ArrayRequest {
  readonly options: SlurmOptions;
  readonly chdir: string;
  /** Arrays of the same run that are not over, by their jobs: a throttle holds over all of them. */
  readonly before: readonly string[];
}

/** Slurm's number for the array, or why it refused it. */
export type ArrayAnswer =
  { readonly status: "ok"; readonly job_id: string } | { readonly status: "refused"; readonly why: string };

/** Submits an array once, also where the controller dies between taking it and saying so. */
export async function submitArray(
  { name, digests, folder, script_file }: Submission,
  { options, chdir, before }: ArrayRequest,
  command: SlurmCommand,
  patience: Patience,
): Promise<ArrayAnswer> {
  const { throttle } = options;
  // %N bounds one array; of several, each waits for those before it.
  const chained = throttle !== undefined && before.length > 0;
  const args = [
    "--parsable",
    `--array=0-${digests.length - 1}${throttle === undefined ? "" : `%${throttle}`}`,
    `--job-name=${name}`,
    "--export=ALL",
    "--requeue",
    "--open-mode=append",
    "--input=/dev/null",
    `--output=${folder.replaceAll("%", "%%")}/task-%a.log`,
    `--chdir=${chdir}`,
    ...(chained ? [`--dependency=afterany:${before.join(":")}`] : []),
    ...resourceArguments(options),
    script_file,
  ];
  let asked = false;
  const answer = await patience.ask(async (): Promise<SlurmAnswer> => {
    if (asked) {
      const queue = await queueOf([name], command);
      if (queue.status !== "ok") return queue;
      const [task] = queue.tasks;
      if (task !== undefined) return { status: "ok", stdout: task.array_job_id };
    }
    asked = true;
    return command("sbatch", args);
  });
  if (answer.status === "refused") return answer;
  const [job_id] = /\d+/.exec(answer.stdout) ?? [];
  return job_id === undefined ? { status: "refused", why: "sbatch named no job" } : { status: "ok", job_id };
}
