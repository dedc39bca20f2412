import { describe, expect, test } from "vitest";
import { slurmShard } from "../src/executors/slurm/slurm-shard.js";
import { exitOf, maxArraySize, parseQueue, queueOf, standingOf } from "../src/executors/slurm/slurm-queue.js";

const answering = (stdout: string) => () => Promise.resolve({ status: "ok", stdout } as const);

describe("the queue of Slurm", () => {
  // Printed by squeue of Slurm 22.05.8; the cancelled array stays one line.
  const text = [
    "vrx-a|1|4|COMPLETED|vm|None",
    "vrx-a|1|3|FAILED|vm|NonZeroExitCode",
    "vrx-b|7|[0-4%2]|CANCELLED||Dependency",
    "vrx-b|7|9,11-12|PENDING||Resources",
    "other|12|N/A|RUNNING|vm|None",
    "",
  ].join("\n");

  test("is read task by task", () => {
    expect(
      parseQueue(text).map(({ name, array_job_id, index, state }) => [name, array_job_id, index, state].join()),
    ).toEqual([
      "vrx-a,1,4,COMPLETED",
      "vrx-a,1,3,FAILED",
      ...[0, 1, 2, 3, 4].map((index) => `vrx-b,7,${index},CANCELLED`),
      ...[9, 11, 12].map((index) => `vrx-b,7,${index},PENDING`),
    ]);
  });

  test("is asked for the own names only, and others are left out all the same", async () => {
    const asked: string[][] = [];
    const queue = await queueOf(["vrx-a"], (file, args) => {
      asked.push([file, ...args]);
      return answering(text)();
    });
    expect(asked.flat()).toContain("--name=vrx-a");
    expect(queue.status === "ok" && queue.tasks.map(({ name }) => name)).toEqual(["vrx-a", "vrx-a"]);
  });

  test("a state that this release does not know gives nothing up", () => {
    expect(standingOf("RESV_DEL_HOLD")).toBe("waiting");
    expect(standingOf("SOMETHING_NEW")).toBe("waiting");
    expect(["TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED"].map(standingOf)).toEqual([
      "timeout",
      "oom",
      "infrastructure",
      "infrastructure",
    ]);
  });

  test("exit codes and limits come from scontrol", async () => {
    expect(await exitOf("1", 3, answering("JobId=5 JobState=FAILED ExitCode=7:0 RunTime=1"))).toEqual({
      code: 7,
      signal: null,
    });
    expect(await exitOf("1", 3, answering("JobId=5 ExitCode=0:9"))).toEqual({ code: 0, signal: 9 });
    expect(await maxArraySize(answering("MaxArraySize            = 1001\n"))).toEqual({
      status: "ok",
      max_array_size: 1001,
    });
    expect((await maxArraySize(answering("MaxArraySize = 0\n"))).status).toBe("refused");
  });
});

describe("the shard of an array's task", () => {
  test("is its place in the array, wherever that starts", () => {
    const env = (id: string, rest = {}) => ({ SLURM_ARRAY_TASK_ID: id, SLURM_ARRAY_TASK_COUNT: "4", ...rest });
    expect(slurmShard({})).toBeNull();
    expect(slurmShard(env("0"))).toEqual({ index: 1, of: 4 });
    expect(slurmShard(env("3"))).toEqual({ index: 4, of: 4 });
    expect(slurmShard(env("14", { SLURM_ARRAY_TASK_MIN: "10", SLURM_ARRAY_TASK_STEP: "2" }))).toEqual({
      index: 3,
      of: 4,
    });
  });

  test("is refused for an array with gaps, whose shards would miss trials", () => {
    const env = { SLURM_ARRAY_TASK_ID: "9", SLURM_ARRAY_TASK_COUNT: "2", SLURM_ARRAY_TASK_MIN: "1" };
    expect(() => slurmShard(env)).toThrow(/--shard/);
  });
});
