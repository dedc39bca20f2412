import { createHash } from "node:crypto";
import { type JsonObject, type JsonValue, canonicalJson } from "@vrx/objective-contract";
import type { Trial, TrialPlan } from "./trial.js";

/** Separates digests of trials from every other digest over JSON. */
const DOMAIN = "vrx.trial.v1\n";

/** The SHA-256 over the domain tag and the canonical JSON of a plan, as 64 hexadecimal digits. */
export function trialDigest(plan: TrialPlan): string {
  // A plan is plain JSON by its type; optional knobs that are left out are simply not there.
  const json = JSON.parse(JSON.stringify(plan)) as JsonValue;
  return createHash("sha256").update(DOMAIN).update(canonicalJson(json)).digest("hex");
}

/** A plan with its address, and what to call it. */
export function trialOf(plan: TrialPlan, labels: JsonObject = {}): Trial {
  return { digest: trialDigest(plan), plan, labels };
}
