import { type ViteUserConfig, mergeConfig } from "vitest/config";
import { tests } from "../../tools/workspace/vitest.js";
import { openProofBundle } from "./src/proof-bundle.js";
import { ProofReporter } from "./test/proof/reporter.js";

/** Where `LLORCH_PROOF_DIR` is set, the run leaves a proof bundle there: seeds, allocations, results and their verdict. */
function proofs(): ViteUserConfig {
  if (process.env["LLORCH_PROOF_DIR"] === undefined) return {};
  const { run_id } = openProofBundle({ type: "unit", mode: "simulated" });
  const env = { LLORCH_RUN_ID: run_id };
  Object.assign(process.env, env);
  return { test: { env, setupFiles: ["test/proof/record-seed.ts"], reporters: [new ProofReporter()] } };
}

export default mergeConfig(tests("vram-residency"), proofs());
