import { hash } from "node:crypto";
import { type JsonObject, type JsonValue, canonicalJson, isJsonObject } from "@vrx/objective-contract";
import type { Trial, TrialPlan } from "./trial.js";

/** Separates digests of trials from every other digest over JSON. */
const DOMAIN = "vrx.trial.v1\n";

/** The SHA-256 over the domain tag and the canonical JSON of a plan, as 64 hexadecimal digits. */
export function trialDigest(plan: TrialPlan): string {
  return hash("sha256", DOMAIN + canonicalJson(plainOf(plan)));
}

/** A plan is plain JSON by its type, but for optional members that are there and undefined: those are left out. */
function plainOf(plan: TrialPlan): JsonValue {
  const json = plan as unknown as JsonValue;
  return isPlain(json) ? json : (JSON.parse(JSON.stringify(json)) as JsonValue);
}

function isPlain(value: JsonValue | undefined): value is JsonValue {
  if (value === undefined) return false;
  if (typeof value !== "object" || value === null) return true;
  return isJsonObject(value) ? Object.keys(value).every((key) => isPlain(value[key])) : value.every(isPlain);
}

/** A plan with its address, and what to call it. */
export function trialOf(plan: TrialPlan, labels: JsonObject = {}): Trial {
  return { digest: trialDigest(plan), plan, labels };
}
