import { hash } from "node:crypto";
import { type JsonObject, type JsonValue, canonicalJson } from "@vrx/objective-contract";
import type { Trial, TrialPlan } from "./trial.js";

/** Separates digests of trials from every other digest over JSON. */
const DOMAIN = "vrx.trial.v1\n";

/** The SHA-256 over the domain tag and the canonical JSON of a plan, as 64 hexadecimal digits. */
export function trialDigest(plan: TrialPlan): string {
  return hash("sha256", DOMAIN + plainText(plan));
}

/** A plan with its address, and what to call it. */
export function trialOf(plan: TrialPlan, labels: JsonObject = {}): Trial {
  return { digest: trialDigest(plan), plan, labels };
}

/** Canonical JSON of a plan or a part of one: plain by its type, but for optional members that are there and undefined, which are left out. */
export function plainText(value: unknown): string {
  const json = value as JsonValue;
  return canonicalJson(hasUndefined(json) ? (JSON.parse(JSON.stringify(json)) as JsonValue) : json);
}

function hasUndefined(value: JsonValue | undefined): boolean {
  if (typeof value !== "object" || value === null) return value === undefined;
  return Object.values(value).some(hasUndefined);
}

/** Members that many plans share, as canonical JSON. */
export type SharedTexts = Readonly<Partial<Record<"runner" | "task" | "workload", string>>>;

/** The same as `trialOf` for a plan whose members stand in order, without making the text of shared members again. */
export function trialOfParts(plan: TrialPlan, labels: JsonObject, shared: SharedTexts): Trial {
  let text = "";
  for (const [name, value] of Object.entries(plan) as [string, JsonValue][]) {
    text += `${text === "" ? "{" : ","}"${name}":${shared[name as keyof SharedTexts] ?? canonicalJson(value)}`;
  }
  return { digest: hash("sha256", `${DOMAIN}${text}}`), plan, labels };
}
