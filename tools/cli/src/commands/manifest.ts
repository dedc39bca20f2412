import { defineGroup } from "../frame/define-command.js";
import { manifestCheck } from "./manifest-check.js";
import { manifestPlan } from "./manifest-plan.js";
import { manifestPresets } from "./manifest-presets.js";
import { manifestReproduce } from "./manifest-reproduce.js";
import { manifestRun } from "./manifest-run.js";
import { manifestSchema } from "./manifest-schema.js";

/** `vrx manifest` */
export const manifest = defineGroup({
  name: "manifest",
  summary: "whole experiments in one file: check them, plan them, run them, repeat them",
  commands: [manifestCheck, manifestPlan, manifestRun, manifestReproduce, manifestPresets, manifestSchema],
});
