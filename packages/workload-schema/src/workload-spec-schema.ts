import { findFlaws, isFlawless } from "./internal/check-spec.js";
import { explain } from "./internal/explain.js";
import type { StandardSchemaV1 } from "./standard-schema.js";
import type { SpecInteger, WorkloadSpec } from "./workload-spec.js";

/**
 * A Standard Schema over values (not texts) that are workload specs, by the rules of `readWorkloadSpec`: integers are
 * safe `number`s or `bigint`s. Its issues are those of the reader, without places in a text.
 */
export const workloadSpecSchema: StandardSchemaV1<WorkloadSpec<SpecInteger>> = {
  "~standard": {
    version: 1,
    vendor: "vrx",
    validate: (value) => {
      const flaws = findFlaws(value);
      return isFlawless(value, flaws) ? { value } : { issues: explain(flaws) };
    },
  },
};
