import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSampleLine } from "../src/command/sample-line.js";

const read = (line: string): ReturnType<typeof readSampleLine> => readSampleLine(Buffer.from(line));

describe("a step line", () => {
  it("gives its number, time, loss and readings", () => {
    expect(read('{"step": 3, "time_s": 0.25, "loss": 2.5, "vram_reserved_bytes": 4096, "power_w": null}')).toEqual({
      status: "step",
      step: 3,
      report: { time_s: 0.25, loss: 2.5, vram_reserved_bytes: 4096, power_w: null },
      ignored: [],
    });
  });

  it("may leave out everything", () => {
    expect(read("{}")).toEqual({ status: "step", step: null, report: { time_s: null, loss: null }, ignored: [] });
  });

  it.each([
    ['{"loss": NaN}', NaN],
    ['{"loss": Infinity}', Infinity],
    ['{"loss":-Infinity}', -Infinity],
    ['{"loss": "NaN"}', NaN],
    ['{"loss": "-Infinity"}', -Infinity],
    ['{"loss": 1e400}', Infinity],
    ['{"note": "NaN and \\"Infinity\\"", "loss": NaN}', NaN],
  ])("understands the loss in %s", (line, loss) => {
    expect(read(line)).toMatchObject({ status: "step", report: { loss } });
  });

  it("names the keys it has no meaning for", () => {
    expect(read('{"loss": 1, "lr": 0.1, "__proto__": {"x": 1}}')).toMatchObject({ ignored: ["lr", "__proto__"] });
  });

  it.each([
    ["", "expected a JSON object, found an empty line"],
    ["[1]", "expected a JSON object"],
    ["null", "expected a JSON object"],
    ['{"loss": 1', "expected a JSON object"],
    ['{"loss": nan}', "expected a JSON object"],
    ['{"loss": "low"}', 'loss: expected a number or null, found "low"'],
    ['{"loss": true}', "loss: expected a number or null, found true"],
    ['{"loss": "toString"}', "loss: expected a number or null"],
    ['{"time_s": -0.1}', "time_s: expected a number of at least 0, or null, found -0.1"],
    ['{"time_s": NaN}', "time_s: expected a finite number or null"],
    ['{"time_s": 1e999}', "time_s: expected a finite number or null"],
    ['{"step": 1.5}', "step: expected a whole number counted from 0, found 1.5"],
    ['{"step": -1}', "step: expected a whole number"],
    ['{"vram_reserved_bytes": 1e30}', "vram_reserved_bytes: expected a whole number of bytes or null"],
  ])("refuses %s", (line, message) => {
    const found = read(line);
    expect(found).toMatchObject({ status: "invalid" });
    expect(found.status === "invalid" && found.message).toContain(message);
  });

  it("refuses what is not UTF-8", () => {
    expect(readSampleLine(Uint8Array.of(0x7b, 0xff, 0x7d))).toMatchObject({ status: "invalid" });
  });
});

describe("a hello line", () => {
  it("gives what the program says of itself, and keeps the rest", () => {
    const line =
      '{"hello": {"executed_precision": "bf16", "amp": true, "device": "cuda:1", "total_vram_bytes": 8, "step_time_mode": "cuda_events", "lr": 0.1}}';
    expect(read(line)).toMatchObject({
      status: "hello",
      facts: {
        executed: { precision: "bf16", amp: true },
        device: { kind: "cuda", name: "cuda:1", simulated: false },
        total_vram_bytes: 8,
        step_time_mode: "cuda_events",
        extras: { lr: 0.1 },
      },
    });
  });

  it.each([
    ['{"hello": 1}', "hello: expected an object"],
    ['{"hello": {"executed_precision": "fp8"}}', "executed_precision: expected one of fp64"],
    ['{"hello": {"step_time_mode": "sundial"}}', "step_time_mode: expected one of perf_counter, cuda_events"],
    ['{"hello": {"amp": 1}}', "amp: expected true, false or null"],
    ['{"hello": {"x": {"y": 1}}}', "x: expected a string, a finite number"],
    ['{"hello": {"x": 1e999}}', "x: expected a string, a finite number"],
  ])("refuses %s", (line, message) => {
    const found = read(line);
    expect(found.status === "invalid" && found.message).toContain(message);
  });
});

describe("any line", () => {
  it("never makes the reader throw, and its message stays short", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc
        .array(
          fc.constantFrom("{", "}", "[", '"', "loss", "hello", ":", ",", "NaN", "-Infinity", "1e9", "\\", "step", " "),
          { maxLength: 20 },
        )
        .map((tokens) => tokens.join("")),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      texts.map((text) => Uint8Array.from(Buffer.from(text))),
    );
    fc.assert(
      fc.property(bytes, (line) => {
        const found = readSampleLine(line);
        if (found.status === "invalid") expect(found.message.length).toBeLessThan(300);
        if (found.status === "step" && typeof found.report.time_s === "number") {
          expect(found.report.time_s).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("reads every finite number as JavaScript does", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (loss) => {
        expect(read(JSON.stringify({ loss }))).toMatchObject({ report: { loss: Object.is(loss, -0) ? 0 : loss } });
      }),
    );
  });
});
