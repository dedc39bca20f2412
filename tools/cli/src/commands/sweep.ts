import { defineGroup } from "../frame/define-command.js";
import { sweepPublish } from "./sweep-publish.js";

/** `vrx sweep` */
export const sweep = defineGroup({
  name: "sweep",
  summary: "many configurations under one budget: plan them, run them, show and publish what came out",
  commands: [sweepPublish],
});
