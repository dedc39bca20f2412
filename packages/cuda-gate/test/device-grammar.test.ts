import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceTag, parseDevice, parseDeviceSelector } from "../src/index.js";

const ordinals = Array.from({ length: 16 }, (_, ordinal) => ordinal);

describe("the device grammar (INV-GPUTRAIN-001)", () => {
  it("has cpu, auto, cuda for the first GPU, and cuda:0 to cuda:15", () => {
    expect(parseDevice("cpu")).toEqual({ status: "ok", device: { kind: "cpu" } });
    expect(parseDevice("auto")).toEqual({ status: "ok", device: { kind: "auto" } });
    expect(parseDevice("cuda")).toEqual({ status: "ok", device: { kind: "cuda", ordinal: 0 } });
    for (const ordinal of ordinals) {
      expect(parseDevice(`cuda:${ordinal}`)).toEqual({ status: "ok", device: { kind: "cuda", ordinal } });
    }
  });

  it.each([
    "",
    " cpu",
    "cpu ",
    "CPU",
    "CUDA",
    "Auto",
    "gpu",
    "cudaa",
    "cuda:",
    "cuda:-1",
    "cuda:+1",
    "cuda:01",
    "cuda:00",
    "cuda:16",
    "cuda:99",
    "cuda:1 ",
    "cuda:0x1",
    "cuda:1.0",
    "cuda:０",
    "cuda:١",
    "cuda:0\n",
    "cpu\n",
    "cuda\r",
    "cuda:0\0",
    "cuda:0,1",
    "GPU-12345678-1234-1234-1234-123456789abc",
  ])("has no %j, and says which rule that is and what was found", (input) => {
    const read = parseDevice(input);
    expect(read).toMatchObject({ status: "invalid", code: "invalid_spec", input });
    expect(read.status === "invalid" && read.message).toContain("INV-GPUTRAIN-001");
    expect(read.status === "invalid" && read.message).toContain(JSON.stringify(input));
  });

  it("shortens what it repeats of a long input", () => {
    const read = parseDevice("x".repeat(100_000));
    expect(read.status === "invalid" && read.message.length).toBeLessThan(200);
  });

  it("accepts exactly the 19 words, whatever else there is", () => {
    const words = new Set(["cpu", "auto", "cuda", ...ordinals.map((ordinal) => `cuda:${ordinal}`)]);
    const near = fc.string({ unit: fc.constantFrom(...Array.from("cpudato:0123456789 -+\n")) });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), near, fc.constantFrom(...words)), (input) => {
        expect(parseDevice(input).status === "ok").toBe(words.has(input));
      }),
    );
  });

  it("names a device by its tag, which reads back as the same device", () => {
    expect(deviceTag({ kind: "cpu" })).toBe("cpu");
    for (const ordinal of ordinals) {
      const device = { kind: "cuda", ordinal } as const;
      expect(parseDevice(deviceTag(device))).toEqual({ status: "ok", device });
    }
  });
});

describe("device selectors", () => {
  const uuid = "8932f937-d72c-4106-c12f-20bd9faed9f6";

  it("add GPUs and MIG slices by UUID", () => {
    expect(parseDeviceSelector(`GPU-${uuid}`)).toEqual({
      status: "ok",
      device: { kind: "gpu_uuid", uuid: `GPU-${uuid}` },
    });
    for (const slice of [`MIG-${uuid}`, `MIG-GPU-${uuid}/7/0`, `MIG-GPU-${uuid}/13/10`]) {
      expect(parseDeviceSelector(slice)).toEqual({ status: "ok", device: { kind: "mig_uuid", uuid: slice } });
    }
  });

  it("read everything that the grammar reads as the grammar does", () => {
    for (const word of ["cpu", "auto", "cuda", "cuda:7"]) expect(parseDeviceSelector(word)).toEqual(parseDevice(word));
  });

  it.each([
    "GPU-",
    "GPU-0",
    `gpu-${uuid}`,
    `GPU-${uuid} `,
    `GPU-${uuid}\n`,
    `GPU-${uuid.toUpperCase()}`,
    `MIG-GPU-${uuid}`,
    `MIG-GPU-${uuid}/1`,
    `MIG-GPU-${uuid}/1/2/3`,
    "cuda:16",
  ])("refuse %j", (input) => {
    expect(parseDeviceSelector(input)).toMatchObject({ status: "invalid", code: "invalid_spec" });
  });
});
