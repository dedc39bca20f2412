import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { specText } from "./helpers/specs.js";
import { startVrx } from "./helpers/start-vrx.js";
import { type Outcome, vrx } from "./helpers/vrx.js";

const folder = testFolder();
const run = (...words: string[]): Outcome => vrx(words, { cwd: folder });
const reportOf = (dir: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(folder, dir, "report.json"), "utf8")) as Record<string, unknown>;

writeFileSync(
  join(folder, "tiny.json"),
  specText({
    ant: { ring_len: 16, slot_dim: 12, precision: "fp64" },
    colony: { seq_len: 8, synth_len: 8, batch_size: 8 },
  }),
);
const task = ["--train-samples", "256", "--eval-samples", "64", "--engine", "reference", "--seed", "3"];

describe("vrx capability", () => {
  it("trains, evaluates and writes a report that a packet can be built of", () => {
    const words = ["capability", "tiny.json", "--ring-tokens", "1280", ...task, "--options", "learning_rate=0.003"];
    const { code, stdout, stderr } = run(...words, "-o", "assoc", "-q");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^trained +20 steps, 1280 ring tokens, /m);
    expect(stdout).toMatch(/^unseen data +64 samples, 0 of them in the training set$/m);
    expect(stdout).toMatch(/^levels +chance 25\.0 %, copying any value 62\.5 %, ceiling 100\.0 %$/m);
    expect(reportOf("assoc")).toMatchObject({
      schema_version: "assoc_report_v1",
      benchmark: "assoc_byte",
      settings: {
        seed: 3,
        ring_len: 16,
        slot_dim: 12,
        keys: 4,
        pairs: 2,
        val_range: 4,
        unique_keys: true,
        eval_disjoint: true,
        learning_rate: 0.003,
      },
      overlap: { shared: 0 },
      levels: { chance: 0.25, copy: 0.625, ceiling: 1 },
      train: { steps: 20, planned_steps: 20, ring_tokens: 1280 },
      eval: { eval_n: 64 },
    });
    expect(existsSync(join(folder, "assoc/checkpoint"))).toBe(false);
    expect(run("probe", "tiny.json", "--engine", "reference", "--measure-steps", "20", "-o", "probe").code).toBe(0);
    const packet = run("packet", "build", "--probe", "probe", "--assoc", "assoc", "--token-budget", "1280");
    expect(JSON.parse(packet.stdout)).toMatchObject({ assoc_eval_disjoint: true, vrx: { assoc_ring_tokens: 1280 } });
    const again = run(...words, "-o", "assoc");
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("there is a report.json already");
  });

  it("goes on from its checkpoint after an interruption, to the same figures", async () => {
    const words = ["capability", "tiny.json", "--steps", "300", ...task];
    const cut = startVrx([...words, "-o", "cut"], folder);
    await cut.shows(/training on reference, step 1 of 300/);
    cut.kill("SIGINT");
    const outcome = await cut.ended;
    expect(outcome.code).toBe(130);
    expect(statSync(join(folder, "cut/checkpoint")).size).toBeGreaterThan(100);
    expect(existsSync(join(folder, "cut/report.json"))).toBe(false);
    const rest = run(...words, "-o", "cut");
    const [, first] = /training on reference, step (\d+) of 300/.exec(rest.stderr)!;
    expect(Number(first)).toBeGreaterThan(1);
    const whole = run(...words, "-o", "whole", "--json");
    const { eval: evaluated } = JSON.parse(whole.stdout) as { eval: unknown };
    expect(reportOf("cut")["eval"]).toEqual(evaluated);
  }, 60_000);

  it("refuses what cannot be, with everything that is wrong", () => {
    const stderr = (...words: string[]): string => {
      const outcome = run("capability", "tiny.json", ...words);
      expect(outcome.code).toBe(2);
      return outcome.stderr;
    };
    expect(stderr(...task)).toContain("expected one of --ring-tokens N and --steps N");
    expect(stderr(...task, "--ring-tokens", "100")).toContain("off the budget of 100");
    expect(stderr(...task, "--steps", "1", "--pairs", "9", "--keys", "4")).toMatch(/pairs: expected at most keys = 4/);
    expect(stderr(...task, "--steps", "1", "--options", "learning_rat=1")).toContain("--options: ");
    expect(stderr(...task, "--steps", "1", "--options", "learning_rate")).toContain("expected NAME=VALUE");
    expect(stderr("--steps", "1", "--train-samples", "9999", "--pairs", "1", "--keys", "2", "--values", "2")).toContain(
      "ask for fewer train_samples",
    );
  });
});
