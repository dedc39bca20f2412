import { defineGroup } from "../frame/define-command.js";
import { sweepHosts } from "./sweep-hosts.js";
import { sweepPlan } from "./sweep-plan.js";
import { sweepPublish } from "./sweep-publish.js";
import { sweepReport } from "./sweep-report.js";
import { sweepRun } from "./sweep-run.js";
import { sweepStatus } from "./sweep-status.js";

/** `vrx sweep` */
export const sweep = defineGroup({
  name: "sweep",
  summary: "many configurations under one budget: plan them, run them, show and publish what came out",
  commands: [sweepPlan, sweepRun, sweepStatus, sweepReport, sweepPublish, sweepHosts],
});
