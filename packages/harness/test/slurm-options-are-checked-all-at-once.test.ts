import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkedSlurmOptions,
  parseSlurmOptions,
  readSlurmOptions,
  resourceArguments,
} from "../src/executors/slurm/slurm-options.js";

const everything = {
  partition: "gpu,long",
  account: "lab",
  qos: "high",
  gres: "gpu:a100:1",
  constraint: "a100&nvlink",
  exclude: "node[3-5],node9",
  cpus_per_task: 8,
  mem: "64G",
  time_limit: "2-0",
  container_image: "nvcr.io#nvidia/pytorch:25.01-py3",
  throttle: 4,
  chunk: 100,
  raw: ["--reservation=bench", "-C", "--exclusive"].filter((option) => option !== "-C"),
  signal_s: 60,
  resubmit: 1,
  poll_s: 0.5,
  settle_s: 0,
  away_limit_s: 60,
};

describe("options of the slurm executor", () => {
  test("what a cluster needs passes through to sbatch, one argument each", () => {
    const read = readSlurmOptions(everything);
    expect(read).toEqual({ status: "ok", options: everything });
    expect(resourceArguments(everything)).toEqual([
      "--partition=gpu,long",
      "--account=lab",
      "--qos=high",
      "--gres=gpu:a100:1",
      "--constraint=a100&nvlink",
      "--exclude=node[3-5],node9",
      "--cpus-per-task=8",
      "--mem=64G",
      "--time=2-0",
      "--container-image=nvcr.io#nvidia/pytorch:25.01-py3",
      "--signal=B:TERM@60",
      "--reservation=bench",
      "--exclusive",
    ]);
    expect(resourceArguments({})).toEqual([]);
  });

  test("every problem is named at once", () => {
    const read = readSlurmOptions({
      partition: "a b",
      gres: "gpu; rm -rf /",
      mem: "lots",
      throttle: 0,
      time_limit: "soon",
      raw: ["--array=0-9"],
      nodes: 3,
      node: "/usr/bin/node",
      bundle: "/b.tar.gz",
    });
    const problems = read.status === "invalid" ? read.problems.map(({ option }) => option) : [];
    expect(problems).toEqual(["partition", "gres", "mem", "throttle", "time_limit", "raw", "nodes", "node"]);
    expect(() => checkedSlurmOptions({ mem: "lots", qos: "" })).toThrow(/mem: .*; qos: /);
  });

  test("a file has them as YAML or JSON, and what is neither is a problem", () => {
    const options = { partition: "gpu", gres: "gpu:1", raw: ["--exclusive"] };
    expect(parseSlurmOptions("partition: gpu\ngres: gpu:1\nraw: [--exclusive]\n")).toEqual({ status: "ok", options });
    expect(parseSlurmOptions(JSON.stringify(options))).toEqual({ status: "ok", options });
    for (const wrong of ["", "[", "a: 1\na: 2", "- gpu", "partition: [gpu]", "nodes: 3"]) {
      expect(parseSlurmOptions(wrong).status).toBe("invalid");
    }
  });

  test.each([
    ["--wrap=id"],
    ["--array=1"],
    ["-a1"],
    ["-oout"],
    ["--export=NONE"],
    ["--no-requeue"],
    ["x"],
    ["--a\nb"],
    [7],
  ])("an option that would take the arrays out of its hands is refused: %j", (option) => {
    expect(readSlurmOptions({ raw: [option] }).status).toBe("invalid");
  });

  test("a dependency of one's own and a throttle over several arrays exclude each other", () => {
    expect(readSlurmOptions({ raw: ["--dependency=afterok:7"] }).status).toBe("ok");
    expect(readSlurmOptions({ raw: ["--dependency=afterok:7"], throttle: 2 }).status).toBe("invalid");
  });

  test("no text gets an argument of its own, and none starts another option", () => {
    const names = [
      "partition",
      "account",
      "qos",
      "gres",
      "constraint",
      "exclude",
      "mem",
      "time_limit",
      "container_image",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string(), (option, value) => {
        const read = readSlurmOptions({ [option]: value });
        if (read.status === "invalid") return;
        const args = resourceArguments(read.options);
        expect(args).toHaveLength(1);
        expect(args[0]).toMatch(/^--[a-z-]+=[^\s'"$`\\;<>]+$/);
      }),
    );
  });
});
