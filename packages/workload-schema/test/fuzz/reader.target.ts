import {
  canonicalWorkloadJson,
  canonicalizeWorkloadSpec,
  formatIssues,
  parseWorkloadSpec,
  readWorkloadSpec,
  workloadFromEnv,
  workloadToEnv,
} from "../../src/index.js";

/** Finds texts on which the reader breaks a promise: that it never throws, places its issues, and agrees with itself and with JSON.parse. */
export function fuzz(bytes: Uint8Array): void {
  const strict = readWorkloadSpec(bytes);
  const python = readWorkloadSpec(bytes, { dialect: "python" });
  for (const read of [strict, python]) {
    if (read.status === "ok") {
      const canonical = canonicalWorkloadJson(read.spec);
      must(canonicalWorkloadJson(parseWorkloadSpec(canonical)) === canonical, "the canonical text is a spec of itself");
      must(canonicalWorkloadJson(canonicalizeWorkloadSpec(read.spec)) === canonical, "canonical specs are canonical");
      const back = workloadFromEnv(workloadToEnv(read.spec));
      must(back.status === "ok" && canonicalWorkloadJson(back.spec) === canonical, "variables keep everything");
    } else {
      must(read.issues.length > 0, "an invalid text has an issue");
      let last = 0;
      for (const { line, column, offset, message } of read.issues) {
        must(line !== undefined && column !== undefined && offset !== undefined, "an issue has a place");
        must(Number.isInteger(line) && (line ?? 0) >= 1 && (column ?? 0) >= 1, "places count from 1");
        must((offset ?? -1) >= last, "issues are in the order of the text");
        must(/^[ -~]+$/.test(message), "messages print");
        last = offset ?? 0;
      }
      formatIssues(read.issues);
    }
  }
  if (strict.status === "ok") {
    must(python.status === "ok", "what is strict is Python's too");
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  }
}

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}
