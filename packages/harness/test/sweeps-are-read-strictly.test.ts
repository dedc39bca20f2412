import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEngine } from "@vrx/ring-engine";
import {
  type SweepDocument,
  type TrialResult,
  defineSweep,
  expandSweep,
  planSweep,
  readSweep,
  trialDigest,
  trialsOf,
} from "../src/index.js";

const demo = readFileSync(new URL("../../../workloads/demo.sweep.yaml", import.meta.url), "utf8");

function sweepOf(text: string): SweepDocument {
  const read = readSweep(text);
  if (read.status === "invalid") throw new Error(read.issues.map(({ message }) => message).join("\n"));
  return read.sweep;
}

function issuesOf(text: string): readonly string[] {
  const read = readSweep(text, { filename: "s.yaml" });
  return read.status === "ok" ? [] : read.issues.map(({ message }) => message);
}

const small = (o: Partial<SweepDocument> = {}): SweepDocument => ({
  schema_version: "vrx_sweep_v1",
  name: "small",
  base: {
    ring_len: 16,
    slot_dim: 8,
    ptr_dtype: "fp64",
    precision: "fp64",
    seq_len: 8,
    synth_len: 8,
    batch_size: 4,
    ptr_update_every: 1,
    state_loop_samples: 0,
  },
  seeds: [1, 2],
  runner: { engine: "reference" },
  probe: { warmup_steps: 1, measure_steps: 20 },
  ...o,
});

describe("a sweep file", () => {
  it("of the demonstration is read, and its configurations can be run", async () => {
    const configurations = await expandSweep(sweepOf(demo));
    expect(configurations).toHaveLength(8);
    expect(configurations.flatMap(({ capability }) => capability)).toHaveLength(16);
  });

  it("is told all of its problems at once, each with its place and the nearest name", () => {
    const text = demo
      .replace("ring_len: [16, 32]", "ring_length: [16, 32]")
      .replace("seeds: [1, 2]", "seeds: [1, -2]")
      .replace("schema_version: vrx_sweep_v1", "schema_version: v2")
      .concat("colour: red\n");
    const issues = issuesOf(text);
    const line = (needle: string): number => text.split("\n").findIndex((one) => one.includes(needle)) + 1;
    expect(issues).toHaveLength(4);
    expect(issues.join("\n")).toContain(`s.yaml:${line("ring_length")}:`);
    expect(issues.join("\n")).toContain("did you mean ring_len?");
    expect(issues.join("\n")).toContain(
      `s.yaml:${line("seeds")}:12: /seeds/1: expected a whole number of at least 0, found -2`,
    );
    expect(issues.join("\n")).toContain("/colour: expected one of");
  });

  it("that names no preset is told so with all that is wrong beside it", () => {
    const text = demo.replace(/^base:\n(?: .*\n)+/m, "base: od1_smal\n").replace("seeds: [1, 2]", "seeds: []");
    expect(issuesOf(text).join("\n")).toMatch(
      /s\.yaml:\d+:7: \/base: expected a preset \(od1_small, .*\) or knobs, found "od1_smal"; did you mean od1_small\?\ns\.yaml:\d+:8: \/seeds: /,
    );
  });

  it("has options of the ring that there are, with values that they take", () => {
    const options = "{ window_radius: 99, learning_rat: 0.1, expert_heads: 2, sensory_len: null, num_classes: 8 }";
    const text = demo.replace(/^runner:.*\n(?: .*\n)*/m, `runner: { engine: reference, options: ${options} }\n`);
    const issues = issuesOf(text).join("\n");
    expect(issuesOf(text)).toHaveLength(3);
    expect(issues).toContain("/runner/options/window_radius: expected an integer from 0 to 64, found 99");
    expect(issues).toMatch(/\/runner\/options\/learning_rat: expected one of .*did you mean learning_rate\?/);
    expect(issues).toMatch(/\/runner\/options\/expert_heads: expected one of num_classes, /);
  });

  it("may not have a key twice, nor use aliases to grow without bound", () => {
    expect(issuesOf(`${demo}name: again\n`).join()).toMatch(/s\.yaml:\d+:\d+: Map keys must be unique/);
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 8 }, (_, i) => {
      const [name, before] = [String.fromCharCode(98 + i), String.fromCharCode(97 + i)];
      return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(",")}]`;
    }).join("\n")}\n`;
    expect(issuesOf(bomb).join()).toContain("uses of aliases");
  });

  it("of the complete example has every key there is, and can be run", async () => {
    const text = readFileSync(new URL("../../../workloads/complete.sweep.yaml", import.meta.url), "utf8");
    const sweep = sweepOf(text);
    const keys = ["schema_version", "name", "notes", "base", "set", "axes", "exclude", "overrides", "seeds", "runner"];
    keys.push("probe", "capability", "objective", "limits", "order", "cooldown_s", "idle", "toolkit");
    expect(Object.keys(sweep).sort()).toEqual(keys.sort());
    const blocks = sweep.axes!.map((block) => Object.keys(block)[0]);
    expect(new Set(blocks)).toEqual(new Set(["grid", "zip", "list"]));
    const configurations = await expandSweep(sweep, { engine: await createEngine("reference") });
    expect(configurations.length).toBeGreaterThan(4);
    expect(configurations.flatMap(({ problems }) => problems)).toEqual([]);
    // The same from TypeScript.
    expect(defineSweep(sweep)).toBe(sweep);
  });

  it("has an objective of different axes of packets", () => {
    const axes = (list: string): readonly string[] => issuesOf(`${demo}objective: ${list}\n`);
    expect(axes("[peak_rss_bytes, assoc_byte_disjoint_accuracy, joules_per_ring_token]")).toEqual([]);
    expect(axes("[peak_rss_bytes]").join()).toContain("/objective: expected a list of at least 2");
    expect(axes("[peak_rss_byte, peak_rss_bytes, peak_rss_bytes]").join("\n")).toMatch(
      /objective\/0: expected an axis of packets .*did you mean peak_rss_bytes\?[^]*objective\/2: expected each axis once/,
    );
  });

  it("is read or refused, whatever it holds", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.json(),
          fc.string().map((s) => demo + s),
        ),
        (text) => {
          const read = readSweep(text);
          expect(["ok", "invalid"]).toContain(read.status);
          if (read.status === "invalid") expect(read.issues.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("an expanded sweep", () => {
  it("multiplies blocks, keeps zips together, leaves out and overrides", async () => {
    const configurations = await expandSweep(
      small({
        axes: [
          { grid: { ring_len: [16, 32], heads: [1, 2] } },
          { zip: { batch_size: [2, 4], slot_dim: [8, 12] } },
          { list: [{ "options.learning_rate": 0.01 }] },
        ],
        exclude: [{ ring_len: 32, heads: 2 }],
        overrides: [{ when: { ring_len: 32 }, set: { ptr_update_every: 2 } }],
      }),
    );
    expect(configurations).toHaveLength(6);
    const plans = configurations.map(({ probe }) => probe!.plan);
    expect(plans.map(({ workload: { colony_spec, ant_spec } }) => [colony_spec.batch_size, ant_spec.slot_dim])).toEqual(
      expect.arrayContaining([
        [2, 8],
        [4, 12],
      ]),
    );
    for (const { workload, runner } of plans) {
      expect(workload.colony_spec.ptr_update_every).toBe(workload.ant_spec.ring_len === 32 ? 2 : 1);
      expect(runner).toMatchObject({ options: { learning_rate: 0.01 } });
    }
  });

  it("names what changes a result by another digest, and what does not by the same", async () => {
    const digest = async (o: Partial<SweepDocument>): Promise<string> =>
      (await expandSweep(small(o)))[0]!.probe!.digest;
    const base = await digest({});
    expect(await digest({ name: "other", notes: "n", order: { shuffle: true, seed: 3 } })).toBe(base);
    for (const change of [
      { seeds: [3] },
      { set: { heads: 2 } },
      { set: { "options.update_scale": 0.5 } },
      { probe: { warmup_steps: 2, measure_steps: 20 } },
      { probe: { warmup_steps: 1, measure_steps: 20, memory_budget_bytes: 1 } },
      { toolkit: "exact" as const },
      { runner: { argv: ["true"] as [string] } },
      { runner: { argv: ["true"] as [string], version: "2" } },
    ]) {
      expect(await digest(change), JSON.stringify(change)).not.toBe(base);
    }
  });

  it("keeps a configuration that cannot be run, with the reasons", async () => {
    const [fine, wide, unmet] = await expandSweep(
      small({
        axes: [{ list: [{}, { precision: "bf16" }, { batch_size: 7 }] }],
        capability: { task: { keys: 4, pairs: 2, values: 4, train_samples: 8, eval_samples: 8 }, ring_tokens: 64 },
      }),
    );
    expect(fine!.problems).toEqual([]);
    expect(wide!.problems.join()).toContain("bf16");
    expect(unmet!.problems.join()).toContain("off the budget of 64");
    expect(unmet!.probe).toBeNull();
  });

  it("has a plan that says what it needs before anything runs, and corrects it by what was measured", async () => {
    const configurations = await expandSweep(
      small({
        axes: [{ grid: { slot_dim: [8, 64] } }],
        capability: { task: { keys: 4, pairs: 2, values: 4, train_samples: 8, eval_samples: 8 }, ring_tokens: 320 },
      }),
    );
    const plan = await planSweep(configurations);
    expect(plan).toMatchObject({ trials: 6, done: 0, unknown: 0, basis: { kind: "nominal" } });
    const [narrow, wide] = plan.configurations;
    expect(wide!.predicted_bytes).toBeGreaterThan(narrow!.predicted_bytes!);
    expect(wide!.predicted_flops).toBeGreaterThan(narrow!.predicted_flops!);
    expect(wide!.predicted_s).toBeGreaterThan(narrow!.predicted_s!);
    expect(narrow!.trials.map(({ steps }) => steps)).toEqual([21, 10, 10]);
    expect(plan.predicted_s).toBeCloseTo(narrow!.predicted_s! + wide!.predicted_s!, 9);

    const digest = configurations[0]!.probe!.digest;
    const store = {
      states: () =>
        Promise.resolve(new Map([[digest, { digest, status: "passed", attempts: 1, running: false }] as const])),
      result: () => Promise.resolve({ figures: { median_step_time_s: 100 } } as unknown as TrialResult),
    };
    const measured = await planSweep(configurations, store);
    expect(measured).toMatchObject({ trials: 6, done: 1, basis: { kind: "measured", probes: 1 } });
    // 21 steps of the wide probe and 4 trainings of 10 remain, at 100 s a step or more.
    expect(measured.predicted_s).toBeGreaterThan(61 * 100);

    const [program] = await expandSweep(small({ runner: { argv: ["true"] } }));
    expect(await planSweep([program!])).toMatchObject({
      predicted_s: 0,
      unknown: 1,
      configurations: [{ predicted_bytes: null, predicted_flops: null, predicted_s: null }],
    });
  });

  it("has trials whose digests are those of their plans", async () => {
    const sweep = small({
      axes: [
        { grid: { ring_len: [16, 17], "options.learning_rate": [1e-3, 0.5], heads: [1, 2] } },
        { list: [{ "task.pairs": 2, "options.window_radius": 1 }, { "options.sensory_ring": false }] },
      ],
      overrides: [{ when: { ring_len: 17, heads: 2 }, set: { batch_size: 8, "task.values": 5 } }],
      runner: { engine: "cpu", threads: 2, options: { update_scale: 0.5 } },
      capability: {
        task: { keys: 4, pairs: 1, values: 4, train_samples: 8, eval_samples: 8 },
        ring_tokens: 3200,
        program: { argv: ["python3", "évaluation.py"], env: { B: "2", A: "1" } },
      },
      toolkit: "exact",
    });
    const engine = await createEngine("cpu").catch(() => createEngine("reference"));
    const trials = trialsOf(sweep, await expandSweep(sweep, { engine }));
    // The program of the capability is given no options: what differs in those alone is one trial.
    expect(trials).toHaveLength(16 + 8 * 2);
    for (const { digest, plan } of trials) expect(digest).toBe(trialDigest(plan));
    expect(new Set(trials.map(({ plan }) => JSON.stringify(plan))).size).toBe(trials.length);
  });

  it("says what is wrong with a combination where that is, all of it", async () => {
    const configurations = await expandSweep(
      small({
        axes: [
          { grid: { heads: [1, 100_000], "options.learning_rate": [1e-3, -1], "options.window_radius": [2, -3] } },
        ],
      }),
    );
    const heads = /expert_heads: expected an integer from 1 to 65536, found 100000/;
    const rate = /^learning_rate: expected a number from 0 on, found -1/;
    const radius = /window_radius: expected an integer from 0 to 64, found -3/;
    const wrong = configurations.map(({ problems }) =>
      [heads, rate, radius].map((one) => problems.some((p) => one.test(p))),
    );
    const [yes, no] = [true, false];
    expect(wrong).toEqual([
      [no, no, no],
      [no, no, yes],
      [no, yes, no],
      [no, yes, yes],
      [yes, no, no],
      [yes, no, yes],
      [yes, yes, no],
      [yes, yes, yes],
    ]);
    expect(configurations.map(({ probe }) => probe !== null)).toEqual([yes, no, no, no, no, no, no, no]);
  });

  it("shuffles by its seed, and loses no trial", async () => {
    const sweep = small({ axes: [{ grid: { slot_dim: [8, 9, 10, 11, 12, 13, 14, 15] } }] });
    const configurations = await expandSweep(sweep);
    const order = (seed: number): string[] =>
      trialsOf({ ...sweep, order: { shuffle: true, seed } }, configurations).map(({ digest }) => digest);
    expect(order(1)).toEqual(order(1));
    expect(order(1)).not.toEqual(order(2));
    expect([...order(1)].sort()).toEqual([...order(2)].sort());
    expect(() => defineSweep({ ...sweep, seeds: [] })).toThrow("/seeds: expected a list of at least 1");
  });
});
