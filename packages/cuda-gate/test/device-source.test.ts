import { describe, expect, it } from "vitest";
import { namedDevice } from "../src/index.js";

describe("where a device is named", () => {
  const env = { APR_TRAIN_DEVICE: "cuda:1", VRX_TRAIN_DEVICE: "cuda:2" };

  it("is auto when nobody names one", () => {
    expect(namedDevice({})).toEqual({ spec: "auto", source: "default", overridden: [] });
  });

  it.each([
    [{ option: "cpu", env, config: "cuda:3" }, "cpu", "--device"],
    [{ env, config: "cuda:3" }, "cuda:1", "APR_TRAIN_DEVICE"],
    [{ env: { VRX_TRAIN_DEVICE: "cuda:2" }, config: "cuda:3" }, "cuda:2", "VRX_TRAIN_DEVICE"],
    [{ env: { CUDA_VISIBLE_DEVICES: "4" }, config: "cuda:3" }, "cuda:3", "config"],
  ] as const)("is the first of option, environment, configuration: %j", (names, spec, source) => {
    expect(namedDevice(names)).toMatchObject({ spec, source });
  });

  it("says what was overridden", () => {
    expect(namedDevice({ option: "cpu", env }).overridden).toEqual([
      { spec: "cuda:1", source: "APR_TRAIN_DEVICE" },
      { spec: "cuda:2", source: "VRX_TRAIN_DEVICE" },
    ]);
  });

  it("takes an empty variable for what it says, which is no device", () => {
    expect(namedDevice({ env: { APR_TRAIN_DEVICE: "" } })).toMatchObject({ spec: "", source: "APR_TRAIN_DEVICE" });
  });
});
