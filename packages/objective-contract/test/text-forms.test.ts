import {
  type JsonValue,
  ObjectiveContractError,
  canonicalJson,
  formatSampleLine,
  isJsonObject,
  isObjectiveContractError,
  metricsCsv,
  prettyJson,
  readMetricsCsv,
  readSampleLine,
} from "@vrx/objective-contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const digest = "0".repeat(64);
const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 });

describe("a line of samples", () => {
  const sample = fc.record(
    {
      step: fc.nat(),
      phase: fc.constantFrom("warmup", "measure" as const),
      time_s: number,
      end_s: number,
      loss: fc.option(fc.double()),
      vram_reserved_bytes: fc.option(fc.maxSafeNat()),
      rss_bytes: fc.maxSafeNat(),
      temperature_c: fc.option(number),
      throttle_reasons: fc.option(fc.array(fc.string({ unit: "binary" }))),
    },
    { requiredKeys: ["step", "phase", "time_s", "end_s", "loss"] },
  );

  it("is read as the sample it was written from, bit by bit, and is one line of ASCII", () => {
    fc.assert(
      fc.property(sample, (before) => {
        // JSON has no minus zero in its numbers as JavaScript writes them.
        const whole = {
          ...before,
          loss: before.loss === 0 ? 0 : before.loss,
          time_s: before.time_s + 0,
          end_s: before.end_s + 0,
        };
        const line = formatSampleLine(whole, digest);
        expect(line).toMatch(/^[\u0020-\u007e]+$/);
        expect(readSampleLine(line)).toEqual({ status: "ok", sample: whole, workload_digest: digest });
      }),
    );
  });

  it("is refused with every issue, whatever it is", () => {
    const read = readSampleLine(`{"step":-1,"phase":"warm","time_s":null,"end_s":"1","loss":[],"x":0}`);
    expect(read.status === "invalid" && read.issues.map(({ field }) => field).sort()).toEqual([
      "/end_s",
      "/loss",
      "/phase",
      "/step",
      "/time_s",
      "/workload_digest",
      "/x",
    ]);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json()), (text) => {
        expect(readSampleLine(text).status).toBe("invalid");
      }),
    );
  });
});

/** The same value with every object's keys in the other order. */
function reversed(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (!isJsonObject(value)) return value.map(reversed);
  const members = Object.entries(value).map(([key, member]) => [key, reversed(member)] as const);
  return Object.fromEntries(members.reverse());
}

describe("JSON", () => {
  it("is ASCII with keys by code point, and the same value as before", () => {
    expect(canonicalJson({ "\u{1f600}": 1, "\uff5e": 2, b: { d: [], c: {} } })).toBe(
      '{"b":{"c":{},"d":[]},"\\uff5e":2,"\\ud83d\\ude00":1}',
    );
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = prettyJson(value as Parameters<typeof prettyJson>[0]);
        expect(text).toMatch(/^[\n\u0020-\u007e]*\n$/);
        expect(JSON.stringify(JSON.parse(text))).toHaveLength(JSON.stringify(value).length);
      }),
    );
    expect(() => prettyJson(NaN)).toThrow(TypeError);
    expect(() => canonicalJson({ a: [Infinity] })).toThrow(TypeError);
  });

  it("on one line is the same whatever the order of the keys, and the indented one without its blanks", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (json) => {
        const value = json as Parameters<typeof prettyJson>[0];
        const text = canonicalJson(value);
        // Keys in order, which is written by another way than keys in disorder.
        expect(canonicalJson(JSON.parse(text) as typeof value)).toBe(text);
        expect(canonicalJson(reversed(value))).toBe(text);
        const indented = prettyJson(value).split("\n");
        expect(indented.map((line) => line.trimStart().replace(/^("(?:[^"\\]|\\.)*"): /, "$1:")).join("")).toBe(text);
      }),
    );
  });
});

describe("the table", () => {
  it("is read as the cells it was written from", () => {
    const cells = fc.dictionary(
      fc.string({ unit: "grapheme-ascii", minLength: 1 }),
      fc.string({ unit: "binary-ascii" }),
      { minKeys: 1, noNullPrototype: true },
    );
    fc.assert(
      fc.property(cells, (metrics) => {
        const read = readMetricsCsv(metricsCsv(metrics));
        expect(read && [...read.keys()]).toEqual(Object.keys(metrics));
      }),
    );
    expect(readMetricsCsv("a,b\n1\n")).toBeNull();
    expect(readMetricsCsv("a,b\n1,2\n3,4\n")).toBeNull();
    expect(readMetricsCsv('a"b\n1\n')).toBeNull();
    expect(readMetricsCsv("a,a\n1,2\n")).toBeNull();
    expect([...readMetricsCsv('a,b,c\n,"x ""y"", z",\n')!.values()]).toEqual(["", 'x "y", z', ""]);
  });
});

describe("errors", () => {
  it("are recognised whichever copy of the package made them", () => {
    const error = new ObjectiveContractError("run_exists", "choose another folder");
    const foreign = Object.assign(new Error("x"), { [Symbol.for("vrx.ObjectiveContractError")]: true });
    expect([error, foreign, new Error("x"), null, "run_exists"].map(isObjectiveContractError)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(error).toMatchObject({ name: "ObjectiveContractError", code: "run_exists", details: {} });
  });
});
