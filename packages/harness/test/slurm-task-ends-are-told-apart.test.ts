import { expect, it } from "vitest";
import { type EndedTask, endOfTask } from "../src/executors/slurm/task-end.js";

const ended = (facts: Partial<EndedTask>): EndedTask => ({
  state: "FAILED",
  reason: "NonZeroExitCode",
  code: null,
  signal: null,
  ...facts,
});

it.each([
  ["an error of the program", { code: 3 }, false, "Slurm says FAILED, exit code 3"],
  ["no Node on the node", { code: 127 }, false, "Slurm says FAILED, exit code 127"],
  ["a trial given back", { code: 75 }, true, "Slurm says FAILED, exit code 75"],
  ["an exit code that the controller does not tell", {}, true, "Slurm says FAILED"],
  ["a launch that failed", { reason: "JobLaunchFailure", code: 1 }, true, "Slurm says FAILED, exit code 1"],
  ["a signal", { reason: "RaisedSignal:9", code: 0, signal: 9 }, true, "Slurm says FAILED, exit code 0, signal 9"],
  ["nothing published", { state: "COMPLETED", reason: "None", code: 0 }, true, "Slurm says COMPLETED, exit code 0"],
  ["a lost node", { state: "NODE_FAIL", reason: "NodeDown" }, true, "Slurm says NODE_FAIL"],
  ["a task that is forgotten", { state: null, reason: "" }, true, "Slurm does not know it any more"],
] as const)("%s", (_what, facts, again, how) => {
  expect(endOfTask(ended(facts), false)).toEqual({ how, again, unfit: false });
});

it("takes 69 for an unfit node only where there was a preflight", () => {
  expect(endOfTask(ended({ code: 69 }), true)).toMatchObject({ again: true, unfit: true });
  expect(endOfTask(ended({ code: 69 }), false)).toMatchObject({ again: false, unfit: false });
});
