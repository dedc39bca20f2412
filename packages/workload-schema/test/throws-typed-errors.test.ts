import { expect, test } from "vitest";
import { WorkloadSchemaError, isWorkloadSchemaError, parseWorkloadSpec, readWorkloadSpec } from "../src/index.js";

test("parseWorkloadSpec throws every issue, with the name of the file", () => {
  try {
    parseWorkloadSpec("{}", { filename: "empty.json" });
    expect.unreachable();
  } catch (error) {
    if (!isWorkloadSchemaError(error)) throw error;
    expect(error).toMatchObject({ name: "WorkloadSchemaError", code: "invalid_spec" });
    expect(error.issues.map(({ pointer }) => pointer)).toEqual(["/schema_version", "/ant_spec", "/colony_spec"]);
    expect(error.message.split("\n")[0]).toBe(
      'empty.json:1:1: missing_key: /schema_version: expected "workload_schema_v1", found no such key',
    );
  }
});

test("a wrong call is told from a wrong spec", () => {
  for (const call of [
    () => readWorkloadSpec("{}", { dialect: "json5" as never }),
    () => readWorkloadSpec({} as never),
    () => readWorkloadSpec(new ArrayBuffer(2) as never),
  ])
    expect(call).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});

test("errors are recognised across copies of the package, and nothing else is", () => {
  const foreign = Object.assign(new Error("x"), { [Symbol.for("@vrx/workload-schema/error")]: true });
  expect(isWorkloadSchemaError(foreign)).toBe(true);
  expect(isWorkloadSchemaError(new WorkloadSchemaError("invalid_argument", "x", [], { cause: 1 }))).toBe(true);
  for (const other of [new Error("x"), { code: "invalid_spec" }, null, undefined, "x"])
    expect(isWorkloadSchemaError(other)).toBe(false);
});
