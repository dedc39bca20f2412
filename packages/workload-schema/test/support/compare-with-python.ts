import { canonicalWorkloadJson, formatIssues, readWorkloadSpec } from "../../src/index.js";
import { checkWithPython } from "./python.js";
import { randomSpecBytes } from "./random-spec.js";
import { seeded } from "./random.js";

/** What the strict dialect may hold against a spec that Python accepts. */
const strictOnly = ["duplicate_key", "lone_surrogate", "non_finite_number", "nesting_too_deep"];

export interface Comparison {
  readonly valid: number;
  readonly invalid: number;
  /** One message for each spec on which the two disagree. */
  readonly disagreements: readonly string[];
}

/** Reads `count` specs made from `seed` in both dialects and by Python. */
export function compareWithPython(count: number, seed: number): Comparison {
  const random = seeded(seed);
  const disagreements: string[] = [];
  let valid = 0;
  for (let done = 0; done < count; done += 5000) {
    const specs = Array.from({ length: Math.min(5000, count - done) }, () => randomSpecBytes(random));
    const answers = checkWithPython(specs);
    specs.forEach((bytes, index) => {
      const expected = answers[index]!;
      if (expected !== "invalid") valid++;
      const problem = disagreement(bytes, expected);
      if (problem !== null)
        disagreements.push(
          `seed ${seed}, spec ${done + index}: ${problem}\n${Buffer.from(bytes).toString("utf8").slice(0, 2000)}`,
        );
    });
  }
  return { valid, invalid: count - valid, disagreements };
}

function disagreement(bytes: Uint8Array, expected: string): string | null {
  const loose = readWorkloadSpec(bytes, { dialect: "python" });
  const found = loose.status === "ok" ? canonicalWorkloadJson(loose.spec) : "invalid";
  if (found !== expected)
    return `Python says ${expected}, we say ${loose.status === "ok" ? found : formatIssues(loose.issues)}`;
  const strict = readWorkloadSpec(bytes);
  if (strict.status === "ok")
    return canonicalWorkloadJson(strict.spec) === expected ? null : "the strict dialect reads something else";
  if (expected === "invalid") return null;
  const unfair = strict.issues.filter(({ code }) => !strictOnly.includes(code));
  return unfair.length === 0 ? null : `the strict dialect objects: ${formatIssues(unfair)}`;
}
