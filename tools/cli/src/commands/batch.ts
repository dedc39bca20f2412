import { defineGroup } from "../frame/define-command.js";
import { batchEstimate } from "./batch-estimate.js";
import { batchFind } from "./batch-find.js";
import { batchFit } from "./batch-fit.js";

/** `vrx batch` */
export const batch = defineGroup({
  name: "batch",
  summary: "which batch size fills the memory: find it, fit a capacity model, estimate with one",
  commands: [batchFind, batchFit, batchEstimate],
});
