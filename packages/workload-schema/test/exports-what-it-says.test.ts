import { expect, test } from "vitest";
import * as root from "../src/index.js";
import * as zod from "../src/zod.js";

test("the root exports", () => {
  expect(Object.keys(root).sort()).toEqual([
    "WorkloadSchemaError",
    "canonicalWorkloadJson",
    "canonicalizeWorkloadSpec",
    "computeWorkloadDigest",
    "computeWorkloadId",
    "diffWorkloads",
    "findPreset",
    "formatIssues",
    "isSha256Hex",
    "isWorkloadId",
    "isWorkloadSchemaError",
    "knobRules",
    "parseWorkloadSpec",
    "precisions",
    "presets",
    "ptrDtypes",
    "readWorkloadSpec",
    "schemaVersion",
    "toSafeInts",
    "workloadFromEnv",
    "workloadSpecSchema",
    "workloadToEnv",
    "workloadVariables",
  ]);
});

test("the zod entry point exports", () => {
  expect(Object.keys(zod).sort()).toEqual(["antSpecZod", "colonySpecZod", "workloadSpecJsonSchema", "workloadSpecZod"]);
});
