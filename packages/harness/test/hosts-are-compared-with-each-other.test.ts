import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type HostFigure,
  type TrialExecutor,
  type TrialResult,
  hostOutliers,
  openStore,
  surveyHosts,
  surveyReport,
  trialOf,
} from "../src/index.js";
import { parseNodes } from "../src/executors/slurm/slurm-nodes.js";
import { temporaryFolder } from "./temporary-folder.js";

const figures = (...values: (number | null)[]): HostFigure[] =>
  values.map((value, i) => ({ host: `n${i}`, value, why: value === null ? "lost" : null }));
const standings = (...values: (number | null)[]): string[] =>
  hostOutliers(figures(...values)).hosts.map(({ standing }) => standing);

describe("hosts", () => {
  it("are outliers by the median and the MAD", () => {
    const survey = hostOutliers(figures(1, 1.02, 0.98, 1.01, 1.5, 0.5, null));
    expect(survey.median).toBeCloseTo(1.005, 12);
    expect(survey.mad).toBeCloseTo(0.02, 12);
    expect(survey.hosts.map(({ standing }) => standing)).toEqual([
      "usual",
      "usual",
      "usual",
      "usual",
      "slow",
      "fast",
      "no_figure",
    ]);
    expect(survey.hosts[4]?.score).toBeCloseTo((0.6745 * (1.5 - 1.005)) / 0.02, 9);
  });

  it("are no outliers by a hair, however alike the others are", () => {
    expect(standings(1, 1, 1, 1, 1.01)).toEqual(["usual", "usual", "usual", "usual", "usual"]);
    // More than half are the same, so that the MAD is 0.
    expect(standings(1, 1, 1, 1, 1, 1, 1, 1, 1, 1.3)).toContain("slow");
    expect(standings(1, 1, 1)).toEqual(["usual", "usual", "usual"]);
  });

  it("say nothing of each other when they are two", () => {
    expect(standings(1, 9)).toEqual(["alone", "alone"]);
    expect(standings(1, 9, null)).toEqual(["alone", "alone", "no_figure"]);
    expect(standings(null)).toEqual(["no_figure"]);
    expect(() => hostOutliers(figures(0))).toThrow(/above 0/);
  });

  it("stand where they stand in whatever unit and order", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.5, max: 2, noNaN: true }), { minLength: 3 }), (values) => {
        const slow = (list: HostFigure[]): string[] =>
          hostOutliers(list)
            .hosts.filter(({ standing }) => standing === "slow")
            .map(({ host }) => host)
            .sort();
        const all = figures(...values);
        const scaled = all.map((one) => ({ ...one, value: (one.value ?? 0) * 1024 }));
        expect(slow(scaled.toReversed())).toEqual(slow(all));
        // Whoever is slow is slower than the one in the middle: never more than half.
        expect(slow(all).length).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });
});

describe("a survey of hosts", () => {
  const trial = trialOf({
    schema_version: "vrx_trial_v1",
    kind: "probe",
    workload: {
      schema_version: "workload_schema_v1",
      ant_spec: { ring_len: 16, slot_dim: 8, ptr_dtype: "fp64", precision: "fp64" },
      colony_spec: { seq_len: 4, synth_len: 4, batch_size: 2, ptr_update_every: 1, state_loop_samples: 0 },
    },
    heads: 1,
    seed: 0,
    runner: { kind: "program", argv: ["true"], env: {}, version: null },
    toolkit: null,
    warmup_steps: 1,
    measure_steps: 20,
    contract: "objective_contract_v1",
    vram_guard_ratio: null,
    amp: null,
    memory_budget_bytes: null,
  });

  /** A host that ends the trial like this, or loses it. */
  const host = (status: TrialResult["status"] | "lost" | "unfit", median_step_time_s = 0.01): TrialExecutor => ({
    name: "test",
    async *run(digests, { store }) {
      for (const digest of digests) {
        const begun = await store.begin(digest, { executor: "test" });
        if (status === "unfit") yield { event: "lost", digest, why: "its GPU has errors", cause: "unfit_host" };
        else if (status === "lost" || begun.status !== "begun")
          yield { event: "lost", digest, why: "the node is gone" };
        else {
          await store.publish(begun.attempt, {
            status,
            reasons: status === "passed" ? [] : ["why"],
            started_utc: "",
            executor: "test",
            gpu_uuid: null,
            simulated: true,
            figures: { median_step_time_s },
          });
        }
      }
    },
  });

  it("runs one trial on each, and excludes the slow ones and those where it does not pass", async () => {
    const hosts = {
      n1: host("passed"),
      n2: host("passed", 0.0101),
      n3: host("passed", 0.0099),
      n4: host("passed", 0.02),
      n5: host("throttled"),
      n6: host("lost"),
      n7: host("passed", 0.005),
      n8: host("unfit"),
    };
    const dir = temporaryFolder();
    const places = await Promise.all(
      Object.entries(hosts).map(async ([name, executor]) => ({
        host: name,
        executor,
        store: await openStore(`${dir}/${name}`),
      })),
    );
    const results = [];
    for await (const result of surveyHosts(trial, places, { at_once: 2 })) results.push(result);
    const report = surveyReport(trial, results);
    expect(report.hosts.map((one) => [one.host, one.standing, one.status, one.exclude])).toEqual([
      ["n1", "usual", "passed", false],
      ["n2", "usual", "passed", false],
      ["n3", "usual", "passed", false],
      ["n4", "slow", "passed", true],
      ["n5", "no_figure", "throttled", true],
      ["n6", "no_figure", "not_run", false],
      ["n7", "fast", "passed", false],
      ["n8", "no_figure", "not_run", true],
    ]);
    expect(report.exclude).toEqual(["n4", "n5", "n8"]);
    expect(report.hosts[5]?.why).toBe("the node is gone");
    for (const { store } of places) await store.close();
  });

  it("knows the nodes of a partition by what Slurm prints", () => {
    const text = "a1|idle|main*\na1|idle|other\na2|mixed|main*\na3|drained|main*\na4|idle*|main*\nb1|allocated|other\n";
    expect(parseNodes(text, true)).toEqual([
      { name: "a1", state: "idle", usable: true },
      { name: "a2", state: "mixed", usable: true },
      { name: "a3", state: "drained", usable: false },
      { name: "a4", state: "idle*", usable: false },
    ]);
    expect(parseNodes(text, false).map(({ name }) => name)).toEqual(["a1", "a2", "a3", "a4", "b1"]);
  });
});
