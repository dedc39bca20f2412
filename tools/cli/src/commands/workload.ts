import { defineGroup } from "../frame/define-command.js";
import { workloadCheck } from "./workload-check.js";
import { workloadDiff } from "./workload-diff.js";
import { workloadId } from "./workload-id.js";
import { workloadPresets } from "./workload-presets.js";
import { workloadSchema } from "./workload-schema.js";
import { workloadShow } from "./workload-show.js";

/** `vrx workload` */
export const workload = defineGroup({
  name: "workload",
  summary: "say exactly what is run: read, compare and identify workload specs",
  commands: [workloadId, workloadCheck, workloadShow, workloadDiff, workloadSchema, workloadPresets],
});
