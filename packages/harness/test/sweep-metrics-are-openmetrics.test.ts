import type { AntRatioPacket } from "@vrx/ant-ratio";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConfigurationRow, sweepMetrics } from "../src/index.js";

/** A family of metrics as a reader of OpenMetrics 1.0 sees it. */
interface Family {
  readonly type: string;
  readonly samples: { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** Reads a text by the rules of the specification (section "Text format") and fails where one is broken. */
function read(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n# EOF\n") && text !== "# EOF\n")
    throw new Error("it does not end with # EOF and one line feed");
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let current = "";
  for (const line of text.slice(0, -"# EOF\n".length).split("\n").slice(0, -1)) {
    const [, keyword, about = "", rest = ""] = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword !== undefined) {
      if (about !== current && families.has(about)) throw new Error(`the family ${about} is in two places`);
      current = about;
      if (!NAME.test(about)) throw new Error(`${about} is no name`);
      const { samples = [], type = "unknown" } = families.get(about) ?? {};
      if (samples.length > 0) throw new Error(`${keyword} of ${about} comes after its samples`);
      families.set(about, { type: keyword === "TYPE" ? rest : type, samples });
      continue;
    }
    const [, name = "", labelText = "", number = ""] = /^([^{ ]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const family = families.get(name);
    if (name !== current || family === undefined) throw new Error(`a sample outside of its family: ${line}`);
    if (seen.has(`${name}{${labelText}}`)) throw new Error(`twice: ${line}`);
    seen.add(`${name}{${labelText}}`);
    const value = Number(number.replace("+Inf", "Infinity").replace("-Inf", "-Infinity"));
    if (Number.isNaN(value) && number !== "NaN") throw new Error(`${number} is no number`);
    family.samples.push({ labels: labelsIn(labelText), value });
  }
  return families;
}

function labelsIn(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let left = text;
  while (left !== "") {
    const [all, name = "", escaped = ""] =
      /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/.exec(left) ?? [];
    if (all === undefined) throw new Error(`no labels: ${left}`);
    if (Object.hasOwn(labels, name)) throw new Error(`${name} is there twice`);
    labels[name] = escaped.replaceAll(/\\([\\"n])/g, (_, one: string) => (one === "n" ? "\n" : one));
    left = left.slice(all.length);
  }
  return labels;
}

const row: ConfigurationRow = {
  index: 0,
  labels: {},
  problems: [],
  probe: { digest: "a", seed: 1, status: "passed", reasons: [], host: null },
  capability: [
    { digest: "b", seed: 1, status: "passed", reasons: [], host: null },
    { digest: "c", seed: 2, status: "not_run", reasons: [], host: null },
  ],
  without_packet: [],
};
const packet = (over: Partial<AntRatioPacket>): AntRatioPacket =>
  ({
    workload_id: "wl_v1_37d4c849bed8",
    expert_heads: 1,
    throughput_tokens_per_s: 1234.5,
    assoc_byte_disjoint_accuracy: 0.75,
    vram_ratio_reserved: null,
    vrx: { assoc_seed: 1, assoc_trial_digest: "b" },
    ...over,
  }) as unknown as AntRatioPacket;

describe("the metrics of a sweep", () => {
  it("are OpenMetrics text that says what was measured, and nothing of what was not", async () => {
    const families = read(await sweepMetrics("demo", [row], [packet({})]));
    expect(families.get("vrx_sweep_trials")).toEqual({
      type: "gauge",
      samples: [
        { labels: { sweep: "demo", kind: "probe", status: "passed" }, value: 1 },
        { labels: { sweep: "demo", kind: "capability", status: "passed" }, value: 1 },
        { labels: { sweep: "demo", kind: "capability", status: "not_run" }, value: 1 },
      ],
    });
    const labels = { sweep: "demo", workload_id: "wl_v1_37d4c849bed8", heads: "1", seed: "1", trial: "b" };
    expect(families.get("vrx_ring_tokens_per_second")?.samples).toEqual([{ labels, value: 1234.5 }]);
    expect(families.get("vrx_vram_reserved_ratio")?.samples).toEqual([]);
  });

  it("have a sample for each of two packets that differ in their options only", async () => {
    const other = packet({ throughput_tokens_per_s: 7, vrx: { assoc_seed: 1, assoc_trial_digest: "z" } });
    const families = read(await sweepMetrics("demo", [], [packet({}), other]));
    expect(families.get("vrx_ring_tokens_per_second")?.samples.map(({ value }) => value)).toEqual([1234.5, 7]);
  });

  it("are read as they were meant, whatever names say", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), fc.double({ noNaN: true }), async (name, value) => {
        const families = read(
          await sweepMetrics(name, [row], [packet({ workload_id: name, throughput_tokens_per_s: value })]),
        );
        const [sample] = families.get("vrx_ring_tokens_per_second")?.samples ?? [];
        expect(sample).toMatchObject({ labels: { sweep: name, workload_id: name }, value: value + 0 });
      }),
    );
  });

  it("end rightly where there is nothing", async () => {
    expect(read(await sweepMetrics("demo", [], [])).get("vrx_sweep_trials")?.samples).toEqual([]);
  });
});
