import { defineGroup } from "../frame/define-command.js";
import { residencyAttest } from "./residency-attest.js";
import { residencyAudit } from "./residency-audit.js";
import { residencyRelease } from "./residency-release.js";
import { residencySeal } from "./residency-seal.js";
import { residencyServe } from "./residency-serve.js";
import { residencyVerify } from "./residency-verify.js";

/** `vrx residency` */
export const residency = defineGroup({
  name: "residency",
  summary: "model bytes sealed in VRAM: a sidecar that owns them, its clients, and checks without a GPU",
  commands: [residencyServe, residencySeal, residencyVerify, residencyAttest, residencyRelease, residencyAudit],
});
