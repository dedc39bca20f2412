import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
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
  readonly runs: readonly {
    readonly weights_sha256: string;
    readonly resumed_from: number | null;
    readonly steps: number;
  }[];
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
    expect(stdout).toMatch(
      /^t: completed on jax [\d.]+, .*\n {2}run r: 4 steps, \d+ parameters, loss [\d.]+, held-out [\d.]+ \(floor/,
    );
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
    // How fast this host is decides about the steps' times; the rest of the evidence is there.
    expect(check.stdout).toMatch(/record: (pass|fail|inconclusive)\n {2}contract objective_contract_v1/);
    expect(check.stdout).toMatch(/nan_or_inf +pass/);
    expect(check.stdout).toMatch(/runtime_exception +pass/);
    expect(stdout).toContain(`contract ${/record: (\w+)/.exec(check.stdout)![1]!}`);
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
    const gate = (fail_fast: boolean): string =>
      `verify={type: fidelity, batches: 2, max_ppl_ratio: 1e-9, fail_fast: ${fail_fast}}`;
    const gated = run(newFolder(), "--set", gate(true));
    expect(gated.stderr).toMatch(
      /run r: fidelity failed: ppl_ratio exceeded threshold: value=[\d.]+, threshold=0.000000/,
    );
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
  const steps = ["--set", "steps=250"];
  const words = ["manifest", "run", "m.yml", "--data", "generate", ...steps];

  it("by Ctrl-C keeps what is done, says so with 130, and goes on bit for bit", async () => {
    expect(run(whole, ...steps).code).toBe(0);
    const cwd = newFolder();
    const running = startVrx(words, cwd);
    await running.shows(/step 40 of 250/);
    running.kill("SIGINT");
    const { code } = await running.ended;
    expect(code).toBe(130);
    expect(reportsIn(cwd)).toMatchObject([{ status: "interrupted", runs: [{ resumed_from: null }] }]);
    const stopped = reportsIn(cwd)[0]!.runs[0]!.steps;
    expect(stopped).toBeGreaterThanOrEqual(40);
    expect(run(cwd, ...steps).code).toBe(0);
    const [report] = reportsIn(cwd).filter(({ status }) => status === "completed");
    expect(report!.runs[0]).toMatchObject({ resumed_from: stopped, steps: 250 });
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
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "1"], {
      cwd,
    });
    expect(run(cwd, "-o", "first").code).toBe(0);
    const { code, stdout, stderr } = reproduce();
    expect(stdout).toMatch(/^agrees: (\d+) of \1 figures are the same, /);
    expect(stderr).not.toContain("is not what it was");
    expect(code).toBe(0);
  });

  it("says that the code has changed, which may explain differences and is none", () => {
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "2"], {
      cwd,
    });
    const { code, stderr } = reproduce();
    expect(stderr).toContain("code is not what it was");
    expect(code).toBe(0);
  });

  it("differs where the data does, and says in what", () => {
    const path = join(cwd, "data/t.npy");
    const bytes = readFileSync(path);
    // The last hundred tokens, which are held out.
    for (let at = bytes.length - 400; at < bytes.length; at += 4)
      bytes.writeInt32LE((bytes.readInt32LE(at) + 1) % 12, at);
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

describe("processes", () => {
  const chatter = `
version: 2
defaults: {}
targets:
  - { type: process, name: a, team: { r: x }, process: { type: paper_review, reviewer: r } }
  - { type: process, name: b, team: { r: x }, process: { type: research_loop, leader: r, writer: r, reviewer: r } }
  - { type: process, name: c, team: { r: x }, process: { type: discussion, leader: r, topic: t } }
  - { type: process, name: d, team: { r: x }, process: { type: code_graph_sync, agent: r } }
  - { type: process, name: e, process: { type: paper_collect_artifacts } }
  - { type: process, name: f, process: { type: idle, run_code_graph_sync: false, run_research_loop: false } }
  - type: process
    name: g
    team: { r: x }
    process: { type: platform_improve, ingest_agent: r, leader: r, ideators: [r], developer: r, verifier: r, workspace: { repo_url: u } }
  - { type: process, name: h, team: { r: x }, process: { type: multiplex_chat, routes: { one: r }, initial_route: one } }
  - { type: process, name: i, process: { type: development, repo_url: u } }
  - { type: process, name: j, process: { type: manifest } }
  - { type: process, name: k, team: { r: x }, process: { type: paper_write, writer: r } }
`;

  it("are all planned; each that cannot run is refused with its type and what can", () => {
    const cwd = folder();
    writeFileSync(join(cwd, "c.yml"), chatter);
    const plan = vrx(["manifest", "plan", "c.yml", "--all"], { cwd });
    expect(plan.stdout.match(/process\.type=/g)).toHaveLength(11);
    const { code, stderr } = vrx(["manifest", "run", "c.yml", "--all"], { cwd });
    const refused = [
      ...stderr.matchAll(/process_unavailable: processes of type (\w+) cannot run yet; these can: paper_write/g),
    ];
    expect(refused.map(([, type]) => type)).toEqual([
      "paper_review",
      "research_loop",
      "discussion",
      "code_graph_sync",
      "paper_collect_artifacts",
      "idle",
      "platform_improve",
      "multiplex_chat",
      "development",
      "manifest",
    ]);
    expect(code).toBe(2);
  });

  it("paper_write writes a draft of what was run, by itself or with a model that is asked for it", async () => {
    const cwd = newFolder();
    const none = vrx(["manifest", "run", "m.yml", "--target", "paper"], { cwd });
    expect(none.stderr).toMatch(/there are no artifacts to write about; run t first/);
    expect(none.code).toBe(2);
    expect(run(cwd).code).toBe(0);
    const offline = vrx(["manifest", "run", "m.yml", "--target", "paper"], { cwd });
    expect(offline.stdout).toMatch(/^paper: \d+ figures written up in .*paper\.md and paper\.tex/);
    expect(offline.code).toBe(0);

    const key = "sk-secret-0123456789";
    writeFileSync(join(cwd, "key"), `${key}\n`);
    let text = "Nothing is claimed.";
    const server = createServer((request, response) => {
      expect(request.headers.authorization).toBe(`Bearer ${key}`);
      const prose = JSON.stringify({ title: "T", abstract: text, sections: [] });
      response.end(JSON.stringify({ choices: [{ message: { content: prose } }] }));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const words = ["manifest", "run", "m.yml", "--target", "paper", "--writer-url", url, "--writer-key-file", "key"];
    const honest = await startVrx([...words, "--writer-model", "stub"], cwd).ended;
    expect(honest.code).toBe(0);
    expect(readFileSync(join(cwd, "artifacts/small/paper/paper.md"), "utf8")).toContain("by the language model stub");
    text = "Accuracy rose to 99.4 percent.";
    const invented = await startVrx([...words, "--writer-model", "stub"], cwd).ended;
    expect(invented.stderr).toContain("stub wrote numbers that no artifact has: 99.4");
    expect(invented.code).toBe(1);
    const unnamed = await startVrx(words, cwd).ended;
    expect(unnamed).toMatchObject({ code: 2, stderr: expect.stringContaining("needs --writer-model") as string });
    for (const { stdout, stderr } of [honest, invented, unnamed]) expect(stdout + stderr).not.toContain(key);
  });
});
