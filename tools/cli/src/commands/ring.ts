import { defineGroup } from "../frame/define-command.js";
import { ringVerify } from "./ring-verify.js";

/** `vrx ring` */
export const ring = defineGroup({
  name: "ring",
  summary: "check the engines that execute the ring workload",
  commands: [ringVerify],
});
