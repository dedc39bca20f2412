import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { startVrx } from "./helpers/start-vrx.js";
import { vrx } from "./helpers/vrx.js";

const root = testFolder();
const folder = (): string => mkdtempSync(join(root, "run-"));

/** A small language model on a generated text. */
const manifest = `
version: 2
name: small
vars: { steps: 4, lr: 0.01, expected: {}, instrument: plain, wandb: false, benchmarks: [], verify: null, backend: jax }
defaults:
  data: { tokenizer: byte, val_frac: 0.2 }
  logging: { wandb: "\${wandb}", instrument: "\${instrument}", eval_iters: 50 }
  runtime: { save_every: 10 }
targets:
  - type: experiment
    name: t
    backend: \${backend}
    task: task.language_modeling
    data:
      ref: dataset.tokens
      config:
        path: data/t.npy
        block_size: 16
        prepare: { type: generate, vocab_size: 12, tokens: 4000, branching: 3, seed: 1 }
    system:
      ref: system.language_model
      config:
        model:
          type: TransformerModel
          embedder: { type: token, vocab_size: 12, d_model: 8 }
          tied_embeddings: false
          topology:
            type: StackedTopology
            layers:
              - type: ResidualTopology
                layers:
                  - { type: RMSNormLayer, d_model: 8 }
                  - { type: AttentionLayer, d_model: 8, n_heads: 2, dropout_p: 0.1 }
              - { type: LinearLayer, d_in: 8, d_out: 12 }
    objective: objective.next_token_ce
    trainer: trainer.standard
    runs:
      - id: r
        mode: train
        seed: 5
        steps: \${steps}
        expected: \${expected}
        verify: \${verify}
        train: { phase: standard, batch_size: 4, block_size: 16, lr: "\${lr}", telemetry_interval: 2 }
    benchmarks: \${benchmarks}
  - type: process
    name: paper
    team: { writer: writer }
    process: { type: paper_write, writer: writer, goal: To see whether it learns. }
entrypoints: { default: t }
`;

function newFolder(): string {
  const dir = folder();
  writeFileSync(join(dir, "m.yml"), manifest);
  return dir;
}

const run = (cwd: string, ...words: string[]): ReturnType<typeof vrx> =>
  vrx(["manifest", "run", "m.yml", "--data", "generate", ...words], { cwd });

interface Report {
  readonly status: string;
  readonly failures: readonly string[];
  readonly runs: readonly { readonly weights_sha256: string; readonly resumed_from: number | null; readonly steps: number }[];
}

function reportsIn(cwd: string): Report[] {
  const dir = join(cwd, "artifacts/small/t");
  return readdirSync(dir)
    .sort()
    .filter((name) => existsSync(join(dir, name, "report.json")))
    .map((name) => JSON.parse(readFileSync(join(dir, name, "report.json"), "utf8")) as Report);
}

describe("vrx manifest run", () => {
  it("trains, and leaves a folder that says what ran and with what", () => {
    const cwd = newFolder();
    const { code, stdout, stderr } = run(cwd, "--set", "wandb=true");
    expect(stdout).toMatch(/^t: completed on jax [\d.]+, .*\n {2}run r: 4 steps, \d+ parameters, loss [\d.]+, held-out [\d.]+ \(floor/);
    expect(stderr).toMatch(/r: step 4 of 4, loss/);
    expect(stderr).toContain("untried against the service");
    expect(code).toBe(0);
    const [name] = readdirSync(join(cwd, "artifacts/small/t"));
    const dir = join(cwd, "artifacts/small/t", name!);
    const record = JSON.parse(readFileSync(join(dir, "experiment.json"), "utf8")) as Record<string, unknown>;
    expect(record).toMatchObject({
      schema_version: "vrx_experiment_v1",
      manifest: "m.yml",
      manifest_digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      engine: { name: "jax", device: "cpu" },
      code: { vrx: expect.any(String) as string },
      data: [{ path: join(cwd, "data/t.npy"), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string }],
      environment: { node: process.version, platform: process.platform },
    });
    const check = vrx(["check", join(dir, "runs/r/record")], { cwd });
    expect(check.stdout + check.stderr).toContain("pass");
    expect(check.code).toBe(0);
  });

  it.each(["plain", "rich"])("always leaves a log in JSON lines: %s", (instrument) => {
    const cwd = newFolder();
    expect(run(cwd, "--set", `instrument=${instrument}`, "-o", "out").code).toBe(0);
    const lines = readFileSync(join(cwd, "out/runs/r/train.jsonl"), "utf8").trim().split("\n");
    const events = lines.map((line) => JSON.parse(line) as { type: string; step: number; run_id: string });
    expect(events[0]!.type).toBe("begin");
    expect(events.at(-1)).toMatchObject({ type: "end", step: 4, run_id: "r" });
    expect(events.filter(({ type }) => type === "metrics").map(({ step }) => step)).toEqual([2, 4]);
  });

  it("fails with 1 where a run is not what it was expected to be, and says what was found", () => {
    const cwd = newFolder();
    const expected = "expected={phase: standard, loss: {max: 0.001}, val_loss: {min: 0, max: 100}, nothing: 3}";
    const { code, stderr } = run(cwd, "--set", expected);
    expect(stderr).toMatch(/run r: expected loss \{"min":null,"max":0.001\}, found \d/);
    expect(stderr).toContain("run r: expected nothing 3, found null");
    expect(stderr).not.toMatch(/expected (phase|val_loss)/);
    expect(code).toBe(1);
    expect(reportsIn(cwd)[0]).toMatchObject({ status: "failed" });
    expect(run(newFolder(), "--set", "expected={phase: standard, loss: {min: 0}}").code).toBe(0);
  });

  it("fails with 1 where the loss is no number any more, and keeps the report", () => {
    const cwd = newFolder();
    const { code, stderr } = run(cwd, "--set", "lr=1e30", "--set", "steps=30");
    expect(stderr).toMatch(/run r: the loss of step \d+ is \w+: lower lr, or set grad_clip_norm/);
    expect(code).toBe(1);
    expect(reportsIn(cwd)[0]).toMatchObject({ status: "failed", runs: [] });
  });

  it("fails with 1 where a gate or a benchmark does, and goes on where a gate may fail", () => {
    const gate = (fail_fast: boolean): string => `verify={type: fidelity, batches: 2, max_ppl_ratio: 1e-9, fail_fast: ${fail_fast}}`;
    const gated = run(newFolder(), "--set", gate(true));
    expect(gated.stderr).toMatch(/run r: fidelity failed: ppl_ratio exceeded threshold: value=[\d.]+, threshold=0.000000/);
    expect(gated.code).toBe(1);
    expect(run(newFolder(), "--set", gate(false)).code).toBe(0);
    const cwd = newFolder();
    mkdirSync(join(cwd, "data"));
    writeFileSync(join(cwd, "data/other.npy"), "no numbers");
    const benchmarks = "benchmarks=[{id: ppl, config: {type: perplexity, dataset: data/other.npy}, models: [student]}]";
    const failed = run(cwd, "--set", benchmarks);
    expect(failed.stderr).toMatch(/benchmark ppl: .*other\.npy: this is no \.npy file/);
    expect(failed.code).toBe(1);
  });

  it("says before anything runs what keeps it from running", () => {
    const cwd = newFolder();
    const torch = run(cwd, "--set", "backend=torch");
    expect(torch.stderr).toMatch(/\/targets\/0\/backend: backend_unavailable: .*--backend jax/);
    expect(torch.code).toBe(2);
    expect(run(cwd, "--set", "backend=torch", "--backend", "jax", "--dry-run").code).toBe(0);
    expect(existsSync(join(cwd, "artifacts"))).toBe(false);
    expect(existsSync(join(cwd, "data"))).toBe(false);
  });
});

describe("a run that is stopped", () => {
  const whole = newFolder();
  const steps = ["--set", "steps=400"];
  const words = ["manifest", "run", "m.yml", "--data", "generate", ...steps];

  it("by Ctrl-C keeps what is done, says so with 130, and goes on bit for bit", async () => {
    expect(run(whole, ...steps).code).toBe(0);
    const cwd = newFolder();
    const running = startVrx(words, cwd);
    await running.shows(/step 40 of 400/);
    running.kill("SIGINT");
    const { code } = await running.ended;
    expect(code).toBe(130);
    expect(reportsIn(cwd)).toMatchObject([{ status: "interrupted", runs: [{ resumed_from: null }] }]);
    const stopped = reportsIn(cwd)[0]!.runs[0]!.steps;
    expect(stopped).toBeGreaterThanOrEqual(40);
    expect(run(cwd, ...steps).code).toBe(0);
    const [report] = reportsIn(cwd).filter(({ status }) => status === "completed");
    expect(report!.runs[0]).toMatchObject({ resumed_from: stopped, steps: 400 });
    expect(report!.runs[0]!.weights_sha256).toBe(reportsIn(whole)[0]!.runs[0]!.weights_sha256);
  });

  it("by SIGKILL goes on bit for bit from its last checkpoint", async () => {
    const cwd = newFolder();
    const running = startVrx(words, cwd);
    const checkpoints = join(cwd, "runs/small/t");
    while (!existsSync(checkpoints) || readdirSync(checkpoints).length === 0) await sleep(5);
    running.kill("SIGKILL");
    await running.ended;
    expect(run(cwd, ...steps).code).toBe(0);
    const [report] = reportsIn(cwd);
    expect(report!.runs[0]!.resumed_from! % 10).toBe(0);
    expect(report!.runs[0]!.weights_sha256).toBe(reportsIn(whole)[0]!.runs[0]!.weights_sha256);
  });
});

describe("vrx manifest reproduce", () => {
  const cwd = newFolder();
  const reproduce = (...words: string[]): ReturnType<typeof vrx> =>
    vrx(["manifest", "reproduce", "first", ...words], { cwd });

  it("repeats an experiment, and agrees where nothing changed", () => {
    execFileSync("git", ["init", "-q"], { cwd });
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "1"], { cwd });
    expect(run(cwd, "-o", "first").code).toBe(0);
    const { code, stdout, stderr } = reproduce();
    expect(stdout).toMatch(/^agrees: (\d+) of \1 figures are the same, /);
    expect(stderr).not.toContain("is not what it was");
    expect(code).toBe(0);
  });

  it("says that the code has changed, which may explain differences and is none", () => {
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "2"], { cwd });
    const { code, stderr } = reproduce();
    expect(stderr).toContain("code is not what it was");
    expect(code).toBe(0);
  });

  it("differs where the data does, and says in what", () => {
    const path = join(cwd, "data/t.npy");
    const bytes = readFileSync(path);
    bytes.writeInt32LE((bytes.readInt32LE(bytes.length - 4) + 1) % 12, bytes.length - 4);
    writeFileSync(path, bytes);
    const { code, stdout } = reproduce();
    expect(stdout).toMatch(/^differs: /);
    expect(stdout).toMatch(/data .*t\.npy: "[0-9a-f]{64}" before, "[0-9a-f]{64}" now/);
    expect(stdout).toMatch(/run r: validation: /);
    expect(code).toBe(1);
  });

  it("refuses what is no experiment that ran to its end", () => {
    const { code, stderr } = vrx(["manifest", "reproduce", "data"], { cwd });
    expect(stderr).toMatch(/experiment\.json: this is no directory of an experiment that ran to its end/);
    expect(code).toBe(2);
  });
});
