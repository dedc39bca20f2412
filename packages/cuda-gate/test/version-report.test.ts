import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  REQUIRED_VERSION_JSON_KEYS,
  readVersionJson,
  verdictFromVersionJsonFields,
  verdictFromVersionJsonKeys,
} from "../src/index.js";

const devices = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}:device`);
const fields = (
  cuda_feature: boolean,
  cuda_runtime_available: boolean,
  visible_devices: readonly string[],
): Parameters<typeof verdictFromVersionJsonFields>[0] => ({ cuda_feature, cuda_runtime_available, visible_devices });

describe("the schema gate of a version report (INV-GPUTRAIN-007)", () => {
  const required = ["cuda_feature", "cuda_runtime_available", "visible_devices"];

  it("requires these three keys and no fourth", () => {
    expect(REQUIRED_VERSION_JSON_KEYS).toEqual(required);
    expect(REQUIRED_VERSION_JSON_KEYS).toHaveLength(3);
  });

  it("passes with them, whatever else is there", () => {
    expect(verdictFromVersionJsonKeys(required)).toBe("pass");
    expect(verdictFromVersionJsonKeys([...required, "version", "sha", "tensorrt_feature"])).toBe("pass");
    expect(verdictFromVersionJsonKeys([...required, ...required].reverse())).toBe("pass");
    expect(verdictFromVersionJsonKeys(new Set(required))).toBe("pass");
  });

  it("fails without any one of them, and with none", () => {
    for (const key of required)
      expect(verdictFromVersionJsonKeys(required.filter((other) => other !== key))).toBe("fail");
    expect(verdictFromVersionJsonKeys([])).toBe("fail");
    expect(verdictFromVersionJsonKeys(["version", "sha"])).toBe("fail");
  });

  it("minds the case", () => {
    expect(verdictFromVersionJsonKeys(["CUDA_feature", "cuda_runtime_available", "visible_devices"])).toBe("fail");
    expect(verdictFromVersionJsonKeys(["cuda_feature ", "cuda_runtime_available", "visible_devices"])).toBe("fail");
  });

  it("is the subset relation", () => {
    const word = fc.oneof(fc.constantFrom(...required), fc.string());
    fc.assert(
      fc.property(fc.array(word), (present) => {
        const all = required.every((key) => present.includes(key));
        expect(verdictFromVersionJsonKeys(present)).toBe(all ? "pass" : "fail");
      }),
    );
  });
});

describe("the shape gate of a version report (INV-GPUTRAIN-007)", () => {
  it.each([
    [false, false],
    [false, true],
    [true, true],
  ])("passes for built %s, available %s", (feature, runtime) => {
    expect(verdictFromVersionJsonFields(fields(feature, runtime, ["0:RTX 4090"]))).toBe("pass");
    expect(verdictFromVersionJsonFields(fields(feature, runtime, []))).toBe("pass");
  });

  it("fails for a build that claims CUDA where the runtime is absent, also with devices from before", () => {
    expect(verdictFromVersionJsonFields(fields(true, false, []))).toBe("fail");
    expect(verdictFromVersionJsonFields(fields(true, false, ["0:RTX 4090"]))).toBe("fail");
  });

  it("takes 16 devices and no more", () => {
    expect(verdictFromVersionJsonFields(fields(true, true, devices(16)))).toBe("pass");
    expect(verdictFromVersionJsonFields(fields(true, true, devices(17)))).toBe("fail");
    expect(verdictFromVersionJsonFields(fields(true, true, devices(100)))).toBe("fail");
    expect(verdictFromVersionJsonFields(fields(false, false, devices(17)))).toBe("fail");
  });

  it("passes for two GPUs, as the schema gate does", () => {
    const happy = fields(true, true, ["0:RTX 4090", "1:RTX 4090"]);
    expect(verdictFromVersionJsonFields(happy)).toBe("pass");
    expect(verdictFromVersionJsonKeys(Object.keys(happy))).toBe("pass");
  });
});

describe("reading a version report", () => {
  it("gives what both gates ask about", () => {
    const read = readVersionJson(JSON.stringify({ ...fields(true, true, ["0:H200"]), version: "1.2.3" }));
    expect(read).toEqual({
      status: "ok",
      keys: ["cuda_feature", "cuda_runtime_available", "visible_devices", "version"],
      fields: fields(true, true, ["0:H200"]),
    });
  });

  it("reports a key of the wrong type, which the schema gate does not see", () => {
    const text = '{"cuda_feature":"yes","cuda_runtime_available":1,"visible_devices":["0:a",{"index":1}]}';
    expect(verdictFromVersionJsonKeys(Object.keys(JSON.parse(text) as object))).toBe("pass");
    expect(readVersionJson(text)).toEqual({
      status: "invalid",
      issues: [
        { code: "wrong_type", pointer: "/cuda_feature", expected: "true or false", found: "a text" },
        { code: "wrong_type", pointer: "/cuda_runtime_available", expected: "true or false", found: "a number" },
        { code: "wrong_type", pointer: "/visible_devices/1", expected: '"<index>:<name>"', found: "an object" },
      ],
    });
  });

  it.each([
    ["", "not_json"],
    ["{", "not_json"],
    ["null", "not_an_object"],
    ["[]", "not_an_object"],
    ["3", "not_an_object"],
  ])("refuses %j as %s", (text, code) => {
    expect(readVersionJson(text)).toMatchObject({ status: "invalid", issues: [{ code, pointer: "" }] });
  });

  it("names every missing key, and takes none from a prototype", () => {
    const read = readVersionJson('{"__proto__":{"cuda_feature":true}}');
    expect(read.status === "invalid" && read.issues.map(({ pointer }) => pointer)).toEqual([
      "/cuda_feature",
      "/cuda_runtime_available",
      "/visible_devices",
    ]);
  });
});
