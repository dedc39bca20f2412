import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadAddon } from "@vrx/native-cuda";
import { fakeDriverLibrary } from "@vrx/native-cuda/testing";
import { describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { vrx } from "./helpers/vrx.js";

const noFakeDriver = fakeDriverLibrary().status === "unavailable" || loadAddon().status === "unavailable";
if (noFakeDriver) console.log("skipped: sweeps on a GPU: there is no compiler for the fake driver");

const folder = testFolder();
const run = (...words: string[]): ReturnType<typeof vrx> => vrx(words, { cwd: folder });
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

const sweep = `schema_version: vrx_sweep_v1
name: tiny
base: { ring_len: 8, slot_dim: 8, ptr_dtype: fp64, precision: fp64, seq_len: 6, synth_len: 6, batch_size: 4, ptr_update_every: 1, state_loop_samples: 0 }
axes:
  - list: [{}, { precision: bf16 }]
seeds: [1]
runner: { engine: reference }
probe: { warmup_steps: 2, measure_steps: 25, memory_budget_bytes: 1000000000 }
capability:
  task: { keys: 3, pairs: 1, values: 2, train_samples: 8, eval_samples: 16 }
  ring_tokens: 240
`;
writeFileSync(join(folder, "tiny.yaml"), sweep);

describe("vrx sweep", () => {
  it("plans, runs, goes on, and shows what came out", () => {
    const plan = run("sweep", "plan", "tiny.yaml", "--json");
    expect(plan.code).toBe(0);
    expect(JSON.parse(plan.stdout)).toMatchObject({ name: "tiny", trials: 2, done: 0 });
    expect(JSON.parse(plan.stdout)).toMatchObject({
      predicted_s: expect.any(Number) as number,
      unknown: 0,
      basis: { kind: "nominal" },
      predicted_cost: null,
      configurations: [
        {
          predicted_bytes: expect.any(Number) as number,
          predicted_flops: expect.any(Number) as number,
          predicted_s: expect.any(Number) as number,
        },
        { problems: [expect.stringContaining("bf16") as string], predicted_bytes: null, trials: [] },
      ],
    });
    const price = { device: "cpu", currency: "EUR", per_hour: 3600, source: "a contract", date: "2026-01-31" };
    writeFileSync(join(folder, "prices.json"), JSON.stringify({ schema_version: "vrx_prices_v1", prices: [price] }));
    const priced = run("sweep", "plan", "tiny.yaml", "--prices", "prices.json", "--json");
    const { predicted_s, predicted_cost } = JSON.parse(priced.stdout) as {
      predicted_s: number;
      predicted_cost: { device: string; amounts: Record<string, number> };
    };
    // A euro a second, where this host has no GPU that the table does not know.
    if (predicted_cost.device === "cpu") expect(predicted_cost.amounts["EUR"]).toBeCloseTo(predicted_s, 9);
    else expect(predicted_cost.amounts).toEqual({});
    expect(existsSync(join(folder, "sweeps"))).toBe(false);

    const first = run("sweep", "run", "tiny.yaml", "--json");
    expect(first.stderr).toBe("");
    expect(JSON.parse(first.stdout)).toMatchObject({ known: 0, done: 2, lost: [], packets: 1 });
    const packets = read("sweeps/tiny/packets.jsonl");
    expect(JSON.parse(packets)).toMatchObject({
      vram_ratio_reserved: null,
      token_budget: 240,
      token_budget_steps: 10,
      vrx: { assoc_steps: 10, assoc_ring_tokens: 240, simulated: false },
    });

    const second = run("sweep", "run", "tiny.yaml");
    expect(second.code).toBe(0);
    expect(second.stderr).toContain("2 trials had a result already");
    expect(second.stdout).toMatch(/not run: precision=bf16: .*bf16/);
    expect(read("sweeps/tiny/packets.jsonl")).toBe(packets);
    expect(read("sweeps/tiny/report.html")).toContain("<title>");
    expect(read("sweeps/tiny/metrics.prom").trimEnd().endsWith("# EOF")).toBe(true);
    expect(run("sweep", "status", "tiny.yaml").stdout).toMatch(/configurations that cannot run: 1/);

    const { probe_run_root, assoc_run_root } = JSON.parse(packets) as Record<string, string>;
    const [probe, assoc] = [join("sweeps/tiny", probe_run_root!), join("sweeps/tiny", assoc_run_root!)];
    const built = run(
      "packet",
      "build",
      "--probe",
      probe,
      "--assoc",
      assoc,
      "--token-budget",
      "240",
      "--min-steps",
      "1",
    );
    expect(JSON.parse(built.stdout)).toMatchObject({ schema_version: "ant_ratio_packet_v0", token_budget_steps: 10 });
  });

  it("measures this host beside others of the same folder, and lists the slow ones", () => {
    const first = run("sweep", "hosts", "tiny.yaml", "-o", "shared", "--json");
    expect(first.stderr).toBe("");
    const alone = JSON.parse(first.stdout) as { trial: string; hosts: { host: string }[] };
    expect(alone.hosts).toHaveLength(1);
    const [here = ""] = readdirSync(join(folder, "shared/hosts"));
    // This host and three more, one of which took ten times as long; what a busy machine really measured is no matter.
    for (const [host, time_s] of Object.entries({ "node-a": 0.01, "node-b": 0.0099, "node-c": 0.1, [here]: 0.0101 })) {
      const store = join(folder, "shared/hosts", host);
      if (host !== here) cpSync(join(folder, "shared/hosts", here), store, { recursive: true });
      const file = join(store, "results", alone.trial.slice(0, 2), alone.trial, "result.json");
      const result = JSON.parse(readFileSync(file, "utf8")) as {
        status: string;
        figures: { median_step_time_s: number };
      };
      result.status = "passed";
      result.figures.median_step_time_s = time_s;
      writeFileSync(file, JSON.stringify(result));
    }
    const all = run("sweep", "hosts", "tiny.yaml", "-o", "shared");
    expect(all.code).toBe(0);
    expect(all.stdout).toMatch(/^node-c +passed +\S+ \S+ +[\d.]+ +slow +exclude$/m);
    expect(all.stdout).toMatch(/^exclude: node-c$/m);
    expect(JSON.parse(read("shared/hosts.json"))).toMatchObject({
      schema_version: "vrx_hosts_v1",
      exclude: ["node-c"],
    });
    const wrong = run("sweep", "hosts", "tiny.yaml", "-o", "shared", "--configuration", "1");
    expect(wrong.stderr).toMatch(/configuration 1 .*bf16/);
  });

  it("takes the place of an array task of Slurm for its shard, unless told otherwise", () => {
    const task = { SLURM_ARRAY_TASK_ID: "7", SLURM_ARRAY_TASK_MIN: "5", SLURM_ARRAY_TASK_COUNT: "4" };
    const part = (...words: string[]): { shard?: unknown } =>
      JSON.parse(vrx(["sweep", "run", "tiny.yaml", "--json", ...words], { cwd: folder, env: task }).stdout) as object;
    expect(part()).toMatchObject({ shard: { index: 3, of: 4 } });
    expect(part("--shard", "1/2")).toMatchObject({ shard: { index: 1, of: 2 } });
  });

  it.skipIf(noFakeDriver)("runs on the GPU of a driver, where there is one, and nothing simulated is ranked", () => {
    const onGpu = sweep.replace("engine: reference", "engine: cuda").replaceAll("fp64", "fp32");
    writeFileSync(join(folder, "gpu.yaml"), onGpu.replace("name: tiny", "name: gpu"));
    // A login node plans for the nodes that have a GPU.
    expect(JSON.parse(run("sweep", "plan", "gpu.yaml", "--json").stdout)).toMatchObject({ trials: 4, unknown: 0 });
    const simulated = run("sweep", "run", "gpu.yaml", "--fake-driver", "--json");
    expect(JSON.parse(simulated.stdout)).toMatchObject({ known: 0, done: 4, lost: [], packets: 2 });
    const packets = read("sweeps/gpu/packets.jsonl").trim().split("\n");
    for (const line of packets) {
      const packet = JSON.parse(line) as { vrx: object };
      expect(packet.vrx).toMatchObject({ simulated: true, device_kind: "cuda", engine: "cuda" });
      expect(packet).toMatchObject({ vram_ratio_reserved: expect.any(Number) as number, stability_pass: false });
    }
    const status = (...words: string[]): unknown =>
      (JSON.parse(run("sweep", "status", "gpu.yaml", "--json", ...words).stdout) as { trials: unknown }).trials;
    expect(status("--fake-driver")).toEqual({ invalid: 4 });
    // Another driver is another trial: a simulated result is never taken for a real one.
    expect(status()).toEqual({ not_run: 4 });
    expect(run("sweep", "run", "tiny.yaml", "--fake-driver").stderr).toContain("engine auto or cuda");
  });

  it("refuses a file with everything that is wrong with it, and a shard that is none", () => {
    writeFileSync(
      join(folder, "wrong.yaml"),
      sweep.replace("seeds: [1]", "seeds: []").replace("name: tiny", "title: tiny"),
    );
    const wrong = run("sweep", "run", "wrong.yaml");
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("wrong.yaml:6:8: /seeds: expected a list of at least 1, found []");
    expect(wrong.stderr).toContain("/title: expected one of");
    expect(run("sweep", "run", "tiny.yaml", "--shard", "3/2").stderr).toContain("expected I/N with 1 <= I <= N");
    const elsewhere = (...words: string[]): string => run("sweep", "run", "tiny.yaml", ...words).stderr;
    expect(elsewhere("--executor", "bullmq")).toContain("expected --redis URL");
    expect(elsewhere("--executor", "bullmq", "--redis", "http://x")).toContain("redis://");
    expect(elsewhere("--redis", "redis://x")).toContain("--redis is not for the local executor");
    expect(elsewhere("--executor", "slurm", "--device", "GPU-1")).toContain("--device is not for the slurm executor");
    expect(elsewhere("--executor", "slurm", "--parallel", "2")).toContain("--parallel is not for the slurm executor");
    expect(elsewhere("--device", "GPU-1", "--parallel", "2")).toMatch(/--parallel 2: .*; name more GPUs with --device/);
    expect(elsewhere("--device", "GPU-1,GPU-1")).toContain("each once");
    writeFileSync(join(folder, "cluster.yaml"), "partitions: gpu\nthrottle: 0\n");
    const slurm = elsewhere("--executor", "slurm", "--slurm", "cluster.yaml");
    expect(slurm).toContain("cluster.yaml: partitions: expected one of");
    expect(slurm).toContain("cluster.yaml: throttle: expected a whole number from 1");
    expect(elsewhere("--exclude-hosts", "x.json")).toContain("not for the local executor");
    expect(elsewhere("--executor", "slurm", "--exclude-hosts", "tiny.yaml")).toContain("expected a vrx_hosts_v1");
    expect(run("worker").stderr).toContain("expected --redis URL");
    const missing = run("packet", "build", "--probe", "nowhere", "--assoc", "nowhere");
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain("metrics.json: there is no such file");
    expect(missing.stderr).toContain("report.json: there is no such file");
  });
});
