import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { HarnessError, isHarnessError } from "../../errors.js";
import type { TrialStore } from "../../store/trial-store.js";
import type { ExecutorContext, TrialEvent, TrialExecutor } from "../executor.js";
import { cancelTasks } from "./cancel-tasks.js";
import { type Patience, patience } from "./controller.js";
import { lastLine } from "./last-line.js";
import { type SlurmCommand, slurmCommand } from "./slurm-commands.js";
import { type SlurmOptions, checkedSlurmOptions } from "./slurm-options.js";
import {
  type QueuedTask,
  type TasksByName,
  exitOf,
  hasLife,
  isAlive,
  maxArraySize,
  queueOf,
  standingOf,
  tasksByName,
} from "./slurm-queue.js";
import { type Submission, closeSubmission, newSubmission, openSubmissions, recordJobId } from "./submissions.js";
import { submitArray } from "./submit-array.js";
import { endOfTask, hasExitCode } from "./task-end.js";
import { type TaskProgram, taskProgram, taskScript } from "./task-script.js";

/** How this process talks to Slurm and to people. */
export interface SlurmSurroundings {
  /** The folder of sbatch, squeue, scancel and scontrol; by default those that PATH finds. */
  readonly commands?: string;
  /** Gets what a person should know while it runs: the controller is away, trials are submitted again. */
  readonly onNote?: (text: string) => void;
}

const defaults = { resubmit: 2, poll_s: 10, settle_s: 30, away_limit_s: 3600 };

/** A limit on how much one may have queued, not a refusal for good. */
const full = /submit limit|MaxSubmit|job count|too many jobs|AssocGrpSubmit/i;

/** Why a task waits that only a person can change (squeue(1), JOB REASON CODES). */
const stuck = /held|down|drain|inactive|not.?avail|badconstraints|invalid|never|prohibited/i;

/** A trial in the hands of Slurm. */
interface Task {
  readonly digest: string;
  readonly submission: Submission;
  readonly index: number;
  started: boolean;
  /** When it was first seen to have ended, to be unknown to Slurm, or to run on with its result published; else null. */
  ended_ms: number | null;
}

/**
 * Runs trials as job arrays of Slurm: one task per trial, arrays no longer than MaxArraySize, requeued when a node
 * fails. What is submitted is recorded in the store's folder first, so that a later run on the same store waits for
 * what is queued instead of submitting it again. Throws `invalid_argument` with all wrong options; its `run` throws
 * `executor_unavailable` where there is no Slurm, and `invalid_argument` where Slurm refuses the options.
 */
export function slurmExecutor(options: SlurmOptions = {}, surroundings: SlurmSurroundings = {}): TrialExecutor {
  const checked = checkedSlurmOptions(options);
  return {
    name: "slurm",
    run: (digests, context) => new SlurmRun(checked, surroundings, context).events(digests),
  };
}

class SlurmRun {
  readonly #options: SlurmOptions & typeof defaults;
  readonly #store: TrialStore;
  readonly #context: ExecutorContext;
  readonly #command: SlurmCommand;
  readonly #say: (text: string) => void;
  readonly #patience: Patience;
  readonly #program: TaskProgram;
  #waiting: string[] = [];
  readonly #tasks = new Map<string, Task>();
  readonly #live = new Set<Submission>();
  readonly #submitted = new Map<string, number>();
  /** Nodes that failed their preflight: nothing is submitted to them again. */
  readonly #unfit = new Set<string>();
  /** Reasons for waiting that were told. */
  readonly #told = new Set<string>();
  /** Slurm takes no more at present; looked at again when a task has ended. */
  #full = false;

  constructor(options: SlurmOptions, surroundings: SlurmSurroundings, context: ExecutorContext) {
    this.#options = { ...defaults, ...options };
    this.#context = context;
    this.#store = context.store;
    this.#command = slurmCommand(surroundings.commands);
    this.#say = surroundings.onNote ?? (() => undefined);
    this.#patience = patience(this.#options.away_limit_s, this.#say, context.signal);
    this.#program = taskProgram(this.#options);
  }

  async *events(digests: readonly string[]): AsyncGenerator<TrialEvent, void, undefined> {
    this.#waiting = [...new Set(digests)];
    if (this.#waiting.length === 0) return;
    try {
      const max_array_size = await this.#maxArraySize();
      yield* this.#alreadyPublished();
      yield* this.#adopt();
      while (this.#waiting.length + this.#tasks.size > 0 && !this.#aborted()) {
        yield* this.#submit(max_array_size);
        await delay(this.#options.poll_s * 1000, undefined, { signal: this.#context.signal }).catch(() => undefined);
        if (!this.#aborted()) yield* this.#look();
      }
    } catch (error) {
      if (!isHarnessError(error) || error.code !== "executor_unavailable" || this.#nothingBegun()) throw error;
      if (!this.#aborted()) {
        yield* this.#giveUp(`${error.message}; run the sweep again to go on with what is queued`);
        return;
      }
    }
    if (this.#aborted()) yield* this.#cancel();
  }

  #aborted(): boolean {
    return this.#context.signal.aborted;
  }

  #nothingBegun(): boolean {
    return this.#tasks.size === 0 && !this.#aborted();
  }

  async #maxArraySize(): Promise<number> {
    const answer = await this.#patience
      .ask(() => maxArraySize(this.#command))
      .catch((error: unknown) => {
        throw isHarnessError(error) ? error : noSlurm(error);
      });
    if (answer.status === "refused") {
      const expected = "expected a cluster that `scontrol show config` can ask (SLURM_CONF, or run it on a login node)";
      throw new HarnessError("executor_unavailable", `${expected}: ${answer.why}`);
    }
    return Math.min(answer.max_array_size, this.#options.chunk ?? Infinity);
  }

  async *#alreadyPublished(): AsyncGenerator<TrialEvent> {
    const states = await this.#store.states();
    const left: string[] = [];
    for (const digest of this.#waiting) {
      const status = states.get(digest)?.status ?? "not_run";
      const result = status === "not_run" || status === "cancelled" ? null : await this.#store.result(digest);
      if (result === null) left.push(digest);
      else yield { event: "finished", digest, result, reused: true };
    }
    this.#waiting = left;
  }

  /** Takes over what an earlier run on this store has queued. */
  async *#adopt(): AsyncGenerator<TrialEvent> {
    const open = await openSubmissions(this.#store.dir);
    if (open.length === 0) return;
    const queued = await this.#queue(open);
    const wanted = new Set(this.#waiting);
    for (const submission of open) {
      const alive = [...(queued.get(submission.name)?.values() ?? [])].filter(({ state }) => isAlive(state));
      const [first] = alive;
      if (first === undefined) {
        await closeSubmission(submission);
        continue;
      }
      if (submission.job_id === null) await recordJobId(submission, first.array_job_id);
      this.#live.add(submission);
      for (const { index } of alive) {
        const digest = submission.digests[index];
        if (digest === undefined || !wanted.delete(digest)) continue;
        this.#tasks.set(digest, { digest, submission, index, started: false, ended_ms: null });
        yield { event: "submitted", digest, where: `${this.#place(submission, index)}, queued by an earlier run` };
      }
    }
    this.#waiting = this.#waiting.filter((digest) => wanted.has(digest));
    if (this.#tasks.size > 0) this.#say(`${this.#tasks.size} trials are in the queue of Slurm from an earlier run`);
  }

  async *#submit(max_array_size: number): AsyncGenerator<TrialEvent> {
    while (this.#waiting.length > 0 && !this.#full && !this.#aborted()) {
      const digests = this.#waiting.slice(0, max_array_size);
      const store_dir = resolve(this.#store.dir);
      const submission = await newSubmission(store_dir, digests, (list_file) =>
        taskScript({
          program: this.#program,
          store_dir,
          list_file,
          limits: this.#context.limits,
          ...(this.#context.pause === undefined ? {} : { pause: this.#context.pause }),
          ...(this.#context.preflight === true ? { preflight: true } : {}),
        }),
      );
      const before = [...this.#live].flatMap(({ job_id }) => (job_id === null ? [] : [job_id]));
      const request = { options: this.#withoutUnfit(), chdir: store_dir, before };
      const answer = await submitArray(submission, request, this.#command, this.#patience);
      if (answer.status === "refused") {
        const { why: refused } = answer;
        await closeSubmission(submission);
        if (full.test(refused) && this.#tasks.size > 0) {
          this.#say(`Slurm takes no more at present (${refused}); the rest follows when tasks have ended`);
          this.#full = true;
          return;
        }
        const unfit = [...this.#unfit].join(",");
        if (this.#live.size === 0 && unfit === "") throw refusal(refused);
        this.#waiting = this.#waiting.slice(digests.length);
        const why = `Slurm refused it: ${refused}${unfit === "" ? "" : ` (without ${unfit}, which failed the preflight)`}`;
        for (const digest of digests) {
          yield { event: "lost", digest, why, ...(unfit === "" ? {} : { cause: "unfit_host" }) };
        }
        continue;
      }
      await recordJobId(submission, answer.job_id);
      this.#waiting = this.#waiting.slice(digests.length);
      this.#live.add(submission);
      for (const [index, digest] of digests.entries()) {
        this.#tasks.set(digest, { digest, submission, index, started: false, ended_ms: null });
        this.#submitted.set(digest, (this.#submitted.get(digest) ?? 0) + 1);
        yield { event: "submitted", digest, where: this.#place(submission, index) };
      }
    }
  }

  /** Asks Slurm once and says what has changed. */
  async *#look(): AsyncGenerator<TrialEvent> {
    if (this.#live.size === 0) return;
    const queue = await this.#queue([...this.#live]);
    for (const task of [...this.#tasks.values()]) {
      const queued = queue.get(task.submission.name)?.get(task.index);
      if (queued !== undefined && isAlive(queued.state)) {
        this.#tellStuck(task, queued);
        const over = await this.#overThoughRunning(task, queued);
        if (over !== null) {
          this.#tasks.delete(task.digest);
          yield over;
        }
        if (task.started || standingOf(queued.state) !== "running") continue;
        task.started = true;
        const place = this.#place(task.submission, task.index);
        yield { event: "started", digest: task.digest, where: `${place} on ${queued.nodes}`, attempt: place };
        continue;
      }
      const ended = await this.#ended(task, queued);
      if (ended === null) continue;
      this.#tasks.delete(task.digest);
      this.#full = false;
      if (ended !== "again") yield ended;
      else this.#waiting.push(task.digest);
    }
    const needed = new Set([...this.#tasks.values()].map(({ submission }) => submission));
    for (const submission of this.#live) {
      const alive = hasLife(queue, submission);
      if (alive || needed.has(submission)) continue;
      this.#live.delete(submission);
      await closeSubmission(submission);
    }
  }

  /**
   * A controller that was killed before it had saved the end of a task takes it for running, with its devices, until it
   * asks the node (minutes). What is published needs neither: the task is taken out of Slurm.
   */
  async #overThoughRunning(task: Task, { array_job_id, state }: QueuedTask): Promise<TrialEvent | null> {
    const { digest, index } = task;
    const result = task.started && standingOf(state) === "running" ? await this.#store.result(digest) : null;
    if (result === null) {
      task.ended_ms = null;
      return null;
    }
    if (!this.#settled(task)) return null;
    const place = this.#place(task.submission, index);
    this.#say(`${place} has its result, and Slurm still says ${state}: cancelling what is left of it`);
    await this.#patience.ask(() => this.#command("scancel", ["--quiet", `${array_job_id}_${index}`]));
    return { event: "finished", digest, result, reused: false };
  }

  /** Whether a task has been over for long enough that caches of a shared file system have expired. */
  #settled(task: Task): boolean {
    task.ended_ms ??= performance.now();
    return performance.now() - task.ended_ms >= this.#options.settle_s * 1000;
  }

  #withoutUnfit(): SlurmOptions {
    const { exclude } = this.#options;
    const all = [...(exclude === undefined ? [] : [exclude]), ...this.#unfit];
    return all.length === 0 ? this.#options : { ...this.#options, exclude: all.join(",") };
  }

  /** What waits for a person is said once for each reason: otherwise it looks like a busy cluster for ever. */
  #tellStuck({ submission, index }: Task, { state, reason }: QueuedTask): void {
    if (standingOf(state) !== "waiting" || !stuck.test(reason) || this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#say(`${this.#place(submission, index)} waits, and Slurm says: ${reason}`);
  }

  /** What becomes of a trial whose task is not queued or running any more; null: not known yet. */
  async #ended(task: Task, queued: QueuedTask | undefined): Promise<TrialEvent | "again" | null> {
    const { digest } = task;
    const result = await this.#store.result(digest);
    if (result !== null) return { event: "finished", digest, result, reused: false };
    const standing = queued === undefined ? "infrastructure" : standingOf(queued.state);
    if (standing === "timeout" || standing === "oom") return this.#publish(task, standing);

    if (!this.#settled(task)) return null;
    const place = this.#place(task.submission, task.index);
    if (standing === "cancelled") return { event: "cancelled", digest };
    const exit =
      queued !== undefined && hasExitCode(standing)
        ? await exitOf(queued.array_job_id, task.index, this.#command)
        : { code: null, signal: null };
    const { state = null, reason = "", nodes = "" } = queued ?? {};
    const { how, again, unfit } = endOfTask({ state, reason, ...exit }, this.#context.preflight === true);
    if (unfit && nodes !== "") this.#unfit.add(nodes);
    if (again && (this.#submitted.get(digest) ?? 0) <= this.#options.resubmit) {
      this.#say(`${place} ended without a result (${how}); submitting its trial again`);
      return "again";
    }
    const log = join(task.submission.folder, `task-${task.index}.log`);
    const last = await lastLine(log);
    const said = last === null ? "" : `; its last line: ${last}`;
    const why = `${place} ended without a result: ${how}${said} (${log})`;
    return { event: "lost", digest, why, ...(unfit ? { cause: "unfit_host" } : {}) };
  }

  /** Slurm ended the task, so nobody else can say what happened: the result is written down here. */
  async #publish(task: Task, status: "timeout" | "oom"): Promise<TrialEvent | null> {
    const { digest } = task;
    const begun = await this.#store.begin(digest, { executor: "slurm" });
    // The attempt of the task that was ended still counts as alive for a while.
    if (begun.status === "taken") return null;
    if (begun.status === "done") return { event: "finished", digest, result: begun.result, reused: false };
    const place = this.#place(task.submission, task.index);
    const reason =
      status === "timeout"
        ? `${place} was ended at the time limit of its job (${this.#options.time_limit ?? "of its partition"})`
        : `${place} was ended by Slurm: out of memory (${this.#options.mem ?? "the memory of its job"})`;
    const published = await this.#store.publish(begun.attempt, {
      status,
      reasons: [reason],
      started_utc: new Date().toISOString(),
      executor: "slurm",
      gpu_uuid: null,
      simulated: false,
      figures: {},
    });
    const result = published.status === "published" ? published.result : await this.#store.result(digest);
    return result === null ? null : { event: "finished", digest, result, reused: false };
  }

  /** Takes out of Slurm what this run is waiting for; other tasks of the same arrays stay. */
  async *#cancel(): AsyncGenerator<TrialEvent> {
    const failed = await cancelTasks([...this.#tasks.values()], this.#command, this.#say);
    for (const digest of [...this.#tasks.keys(), ...this.#waiting]) {
      const result = this.#tasks.has(digest) ? await this.#store.result(digest) : null;
      if (result !== null) yield { event: "finished", digest, result, reused: false };
      else if (failed === null || !this.#tasks.has(digest)) yield { event: "cancelled", digest };
      else yield { event: "lost", digest, why: `it could not be cancelled and may still be queued: ${failed}` };
    }
    if (failed === null) await this.#closeCancelled();
  }

  async #closeCancelled(): Promise<void> {
    const queue = await this.#queue([...this.#live]).catch(() => null);
    if (queue === null) return;
    for (const submission of this.#live) {
      const alive = hasLife(queue, submission);
      if (!alive) await closeSubmission(submission);
    }
  }

  *#giveUp(why: string): Generator<TrialEvent> {
    for (const digest of [...this.#tasks.keys(), ...this.#waiting]) yield { event: "lost", digest, why };
  }

  async #queue(submissions: readonly Submission[]): Promise<TasksByName> {
    const names = submissions.map(({ name }) => name);
    const queue = await this.#patience.ask(() => queueOf(names, this.#command));
    if (queue.status === "refused") {
      throw new HarnessError("executor_unavailable", `squeue: ${queue.why}`);
    }
    return tasksByName(queue.tasks);
  }

  #place({ job_id, name }: Submission, index: number): string {
    return `slurm ${job_id ?? name}_${index}`;
  }
}

function refusal(why: string): HarnessError {
  return new HarnessError("invalid_argument", `Slurm refused the array: ${why}; see the options of the slurm executor`);
}

function noSlurm(error: unknown): HarnessError {
  const why = error instanceof Error ? error.message : String(error);
  return new HarnessError(
    "executor_unavailable",
    `expected the commands of Slurm (sbatch, squeue, scontrol) on PATH: ${why}`,
    {
      cause: error,
    },
  );
}
