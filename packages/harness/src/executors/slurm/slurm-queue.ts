import type { SlurmAnswer, SlurmCommand } from "./slurm-commands.js";

/** One task of an array, as Slurm's queue has it. */
export interface QueuedTask {
  /** The name of the job, which tells whose array this is. */
  readonly name: string;
  readonly array_job_id: string;
  readonly index: number;
  /** In Slurm's words: PENDING, RUNNING, COMPLETED, NODE_FAIL. */
  readonly state: string;
  readonly reason: string;
  readonly nodes: string;
}

export type Queue =
  { readonly status: "ok"; readonly tasks: readonly QueuedTask[] } | Exclude<SlurmAnswer, { status: "ok" }>;

// Short enough for a command line, long enough that few commands are needed.
const names_at_once = 500;

/**
 * The tasks of the jobs with these names, finished ones included as long as the controller remembers them (MinJobAge).
 * Text, since `squeue --json` of Slurm 22.05 ignores every filter and prints the whole cluster's queue.
 */
export async function queueOf(names: readonly string[], command: SlurmCommand): Promise<Queue> {
  const tasks: QueuedTask[] = [];
  for (let first = 0; first < names.length; first += names_at_once) {
    const some = names.slice(first, first + names_at_once);
    const answer = await command("squeue", [
      "--noheader",
      "--array",
      "--states=all",
      `--name=${some.join(",")}`,
      "--format=%j|%F|%K|%T|%N|%r",
    ]);
    if (answer.status !== "ok") return answer;
    const wanted = new Set(some);
    tasks.push(...parseQueue(answer.stdout).filter(({ name }) => wanted.has(name)));
  }
  return { status: "ok", tasks };
}

/** Reads the lines of `squeue --format=%j|%F|%K|%T|%N|%r`; a line of something else than an array's task is left out. */
export function parseQueue(text: string): readonly QueuedTask[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", array_job_id = "", tasks = "", state = "", nodes = "", ...reason] = line.split("|");
    return indicesOf(tasks).map((index) => ({ name, array_job_id, index, state, nodes, reason: reason.join("|") }));
  });
}

/** `3`, `0-4%2` or `1,4,7-9`: the task ids of one line; cancelled arrays stay in one line even with --array. */
function indicesOf(text: string): readonly number[] {
  const [list = ""] = text.replace(/[[\]]/g, "").split("%");
  return list.split(",").flatMap((part) => {
    const [, first, last = first, step = "1"] = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part) ?? [];
    if (first === undefined) return [];
    const indices: number[] = [];
    for (let index = Number(first); index <= Number(last); index += Math.max(1, Number(step))) indices.push(index);
    return indices;
  });
}

/** How a state of Slurm counts here. */
export type TaskStanding =
  "waiting" | "running" | "completed" | "failed" | "timeout" | "oom" | "cancelled" | "infrastructure";

/**
 * What a state of `squeue` means for a trial. `infrastructure`: the cluster's fault, worth another try. Unknown words,
 * which a later Slurm may have, count as still waiting: nothing is given up because of them.
 */
export function standingOf(state: string): TaskStanding {
  switch (state) {
    case "RUNNING":
    case "COMPLETING":
    case "SUSPENDED":
    case "STOPPED":
    case "SIGNALING":
    case "STAGE_OUT":
      return "running";
    case "COMPLETED":
      return "completed";
    case "FAILED":
    case "SPECIAL_EXIT":
    case "LAUNCH_FAILED":
    case "RECONFIG_FAIL":
      return "failed";
    case "TIMEOUT":
      return "timeout";
    case "OUT_OF_MEMORY":
      return "oom";
    case "CANCELLED":
    case "DEADLINE":
    case "REVOKED":
      return "cancelled";
    case "NODE_FAIL":
    case "BOOT_FAIL":
    case "PREEMPTED":
      return "infrastructure";
    default:
      return "waiting";
  }
}

/** How a task ended, by `scontrol show job`; nulls where the controller does not say or does not know it any more. */
export async function exitOf(
  array_job_id: string,
  index: number,
  command: SlurmCommand,
): Promise<{ readonly code: number | null; readonly signal: number | null }> {
  const answer = await command("scontrol", ["show", "job", "--oneliner", `${array_job_id}_${index}`]);
  const [, code, signal] = answer.status === "ok" ? (/\bExitCode=(\d+):(\d+)/.exec(answer.stdout) ?? []) : [];
  return {
    code: code === undefined ? null : Number(code),
    signal: signal === undefined || signal === "0" ? null : Number(signal),
  };
}

/** MaxArraySize of the cluster: an array has at most so many tasks, numbered from 0. */
export async function maxArraySize(
  command: SlurmCommand,
): Promise<{ readonly status: "ok"; readonly max_array_size: number } | Exclude<SlurmAnswer, { status: "ok" }>> {
  const answer = await command("scontrol", ["show", "config"]);
  if (answer.status !== "ok") return answer;
  const [, size] = /^MaxArraySize\s*=\s*(\d+)/m.exec(answer.stdout) ?? [];
  if (size === undefined) return { status: "refused", why: "`scontrol show config` names no MaxArraySize" };
  if (Number(size) < 1) return { status: "refused", why: "MaxArraySize is 0: this cluster takes no job arrays" };
  return { status: "ok", max_array_size: Number(size) };
}

/** What the queue has of some arrays: by the name of the job, then by the index of the task. */
export type TasksByName = ReadonlyMap<string, ReadonlyMap<number, QueuedTask>>;

export function tasksByName(tasks: readonly QueuedTask[]): TasksByName {
  const byName = new Map<string, Map<number, QueuedTask>>();
  for (const task of tasks) {
    const own = byName.get(task.name);
    if (own === undefined) byName.set(task.name, new Map([[task.index, task]]));
    else own.set(task.index, task);
  }
  return byName;
}

/** Whether a task waits or runs. */
export function isAlive(state: string): boolean {
  const standing = standingOf(state);
  return standing === "waiting" || standing === "running";
}

/** Whether some task of an array waits or runs. */
export function hasLife(queue: TasksByName, { name }: { readonly name: string }): boolean {
  return [...(queue.get(name)?.values() ?? [])].some(({ state }) => isAlive(state));
}
