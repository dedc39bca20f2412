import type { Reporter, TestModule } from "vitest/node";
import { type ProofTestResult, openProofBundle } from "../../src/proof-bundle.js";

/** Writes what a run of tests came to into its proof bundle, and computes the verdict of it. */
export class ProofReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const bundle = openProofBundle({ type: "unit", mode: "simulated" });
    for (const module of modules) {
      // A file that cannot be loaded has no tests to count, and still is a failure.
      if (module.state() === "failed" && module.children.size === 0) {
        bundle.recordTest({ name: module.relativeModuleId, status: "failed", duration_ms: null });
      }
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        const status: ProofTestResult["status"] = state === "passed" || state === "failed" ? state : "skipped";
        const duration = test.diagnostic()?.duration;
        const duration_ms = duration === undefined ? null : Math.round(duration);
        bundle.recordTest({ name: `${module.relativeModuleId} > ${test.fullName}`, status, duration_ms });
      }
    }
    const verdict = bundle.finish();
    console.log(`proof bundle ${bundle.folder}: ${verdict.status}`);
  }
}
