import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadAddon } from "@vrx/native-cuda";
import { fakeDriverLibrary } from "@vrx/native-cuda/testing";
import { beforeAll, describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { specText } from "./helpers/specs.js";
import { type Outcome, vrx } from "./helpers/vrx.js";

const noFakeDriver = fakeDriverLibrary().status === "unavailable" || loadAddon().status === "unavailable";
if (noFakeDriver) console.log("skipped: batches on a GPU: there is no compiler for the fake driver");

const folder = testFolder();
const batch = (...words: string[]): Outcome => vrx(["batch", ...words], { cwd: folder });
const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), "utf8"));

/** A GPU of 1 GB that gives a base of 100 MB and 30 MB a sample, in pieces of 2 MB, and stalls beyond 60 samples. */
const device = `
import json, os, sys, time
fd = int(os.environ["VRX_SAMPLES_FD"])
batch = int(os.environ["VRX_BATCH_SIZE"])
total = int(os.environ["VRX_WARMUP_STEPS"]) + int(os.environ["VRX_MEASURE_STEPS"])
def send(line): os.write(fd, (json.dumps(line) + "\\n").encode())
size = 100_000_000 + 30_000_000 * batch
if size > 1_000_000_000:
    sys.exit("RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB")
reserved = -(-size // 2_000_000) * 2_000_000
send({"hello": {"executed_precision": "fp32", "device": "cuda:0", "total_vram_bytes": 1_000_000_000, "gpu_name": "Test GPU"}})
for i in range(total):
    time.sleep(0.002)
    send({"step": i, "time_s": 0.002, "loss": 1.0, "vram_reserved_bytes": reserved, "vram_allocated_bytes": size})
`;
const program = ["--", "python3", "device.py"];
const run_sizes = ["--warmup-steps", "2", "--measure-steps", "20"];

beforeAll(() => {
  writeFileSync(join(folder, "device.py"), device);
  writeFileSync(join(folder, "a.json"), specText({ ant: { ring_len: 64, slot_dim: 16 }, colony: { batch_size: 1 } }));
});

describe("vrx batch find", () => {
  it("finds the batch of a program by its reserved memory, and keeps every run", () => {
    const { code, stdout } = batch(
      "find",
      "a.json",
      "--total-vram-bytes",
      "1000000000",
      ...run_sizes,
      "--json",
      ...program,
    );
    expect(code).toBe(0);
    const { searches } = JSON.parse(stdout) as {
      searches: { batch: number; ratio: number; probes: number; observations: { batch: number; run_dir: string }[] }[];
    };
    const [found] = searches;
    // 100 MB + 25 x 30 MB is 0.85 of the memory; 0.82 to 0.88 are 24 to 26.
    expect(found).toMatchObject({ status: "in_band" });
    expect([24, 25, 26]).toContain(found!.batch);
    for (const { batch: size, run_dir } of found!.observations) {
      const name = `B${String(size).padStart(4, "0")}`;
      expect(run_dir.endsWith(join("batches/runs/a.json_E1", name))).toBe(true);
    }
    expect(read("batches/ant_ratio_batch_targets_v0.json")).toMatchObject({
      schema_version: "ant_ratio_batch_targets_v0",
      rows: [
        {
          ant_tier: "custom",
          expert_heads: 1,
          target_ratio: 0.85,
          accept_band: [0.82, 0.88],
          ratio_key: "vram_ratio_reserved",
          chosen_batch: found!.batch,
          chosen_ratio: found!.ratio,
          chosen_run_root: `runs/a.json_E1/B${String(found!.batch).padStart(4, "0")}`,
          unusable: false,
        },
      ],
    });
  });

  it("learns where the memory ends, and never probes there again", () => {
    // Out of 4 GB the first guess is far too large.
    const words = [
      "find",
      "a.json",
      "--total-vram-bytes",
      "4000000000",
      ...run_sizes,
      "-o",
      "learnt",
      "--json",
      ...program,
    ];
    const [first] = (JSON.parse(batch(...words).stdout) as Found).searches;
    const tooLarge = first!.observations.filter(({ status }) => status === "oom").map((one) => one.batch);
    expect(tooLarge.length).toBeGreaterThan(0);
    expect(first!.batch).toBeGreaterThan(0);
    expect(first!.boundary_batch).toBeLessThanOrEqual(Math.min(...tooLarge));
    const [second] = (JSON.parse(batch(...words).stdout) as Found).searches;
    expect(second!.observations.every((one) => one.batch < Math.min(...tooLarge))).toBe(true);
    expect(second!.notes.join()).toContain("ran out of memory before");
  });

  it("says share of a budget, not VRAM, where there is no GPU", () => {
    const rss = device.replace('"vram_reserved_bytes": reserved, "vram_allocated_bytes": size', '"rss_bytes": size');
    writeFileSync(join(folder, "host.py"), rss.replace("cuda:0", "cpu"));
    const words = ["find", "a.json", "--memory-budget-bytes", "1000000000", ...run_sizes, "-o", "budget"];
    const program_run = batch(...words, "--", "python3", "host.py");
    expect(program_run.code).toBe(0);
    expect(program_run.stdout).toContain("memory_budget_ratio");
    expect(program_run.stdout).not.toContain("vram");
    expect(read("budget/ant_ratio_batch_targets_v0.json")).toMatchObject({
      rows: [{ ratio_key: "memory_budget_ratio", chosen_batch: expect.any(Number) as number, unusable: false }],
    });

    // A little more than a process of Node takes by itself.
    const ring = { ant: { ring_len: 64, slot_dim: 32, precision: "fp64" }, colony: { seq_len: 2, synth_len: 2 } };
    writeFileSync(join(folder, "tiny.json"), specText(ring));
    const wide = ["--target", "0.51", "--low", "0.2", "--high", "0.92", "--engine", "reference", "--max-probes", "1"];
    const of_ring = batch("find", "tiny.json", "--memory-budget-bytes", "150000000", ...wide, "-o", "ring", "--json");
    expect(JSON.parse(of_ring.stdout)).toMatchObject({
      ratio_key: "memory_budget_ratio",
      searches: [{ observations: [{ predicted_ratio: expect.any(Number) as number }] }],
    });
    const without = batch("find", "tiny.json");
    expect(without.code).toBe(2);
    expect(without.stderr).toContain("declare --memory-budget-bytes N");
  });

  it.skipIf(noFakeDriver).each(["inplace", "materialized"])(
    "predicts what the ring holds on a GPU with rings %s, and no simulated batch passes",
    (history) => {
      const large = { ant: { ring_len: 4096, slot_dim: 16 }, colony: { seq_len: 4, synth_len: 4 } };
      writeFileSync(join(folder, "large.json"), specText(large));
      const words = [
        "find",
        "large.json",
        "--fake-driver",
        "--ring-history",
        history,
        "--max-probes",
        "2",
        "-o",
        history,
      ];
      const { code, stdout } = batch(...words, "--measure-steps", "1", "--warmup-steps", "0", "--json");
      expect(code).toBe(1);
      const [search] = (JSON.parse(stdout) as Found).searches;
      expect(search).toMatchObject({ batch: null, status: "none_passes" });
      expect(search!.observations).toHaveLength(2);
      for (const { status, reason, predicted_ratio, ratio } of search!.observations) {
        expect({ status, reason }).toMatchObject({
          status: "invalid",
          reason: expect.stringContaining("simulated") as string,
        });
        expect(ratio).toBeCloseTo(predicted_ratio!, 2);
      }
    },
  );

  it("ends with 1 where nothing passes and with 3 where nobody measures the share", () => {
    const fail = ["--", "python3", "-c", "import sys; sys.exit('RuntimeError: CUDA out of memory')"];
    const none = batch("find", "a.json", ...run_sizes, "-o", "none", ...fail);
    expect(none.code).toBe(1);
    expect(none.stdout).toContain("no batch after 1 probes (none_passes: a batch of 1 does not pass)");
    const broken = batch("find", "a.json", ...run_sizes, "-o", "broken", "--", "python3", "-c", "import nothing_of_it");
    expect(broken.stdout).toContain("runtime_exception: the program exited with code 1: ModuleNotFoundError");
    const silent = device.replace(', "vram_reserved_bytes": reserved, "vram_allocated_bytes": size', "");
    writeFileSync(join(folder, "silent.py"), silent.replace("cuda:0", "cpu"));
    const unknown = batch("find", "a.json", ...run_sizes, "-o", "unknown", "--", "python3", "silent.py");
    expect(unknown.code).toBe(3);
    expect(unknown.stdout).toContain("no_ratio: nobody measured the peak of reserved GPU memory");
    expect(read("unknown/ant_ratio_batch_targets_v0.json")).toMatchObject({
      rows: [{ unusable: true, chosen_ratio: null }],
    });
  });

  it("refuses what cannot be before it probes", () => {
    expect(batch("find", "a.json", "--heads", "1,x", ...program).stderr).toContain("--heads: expected whole numbers");
    expect(batch("find", "nowhere.json", ...program).stderr).toContain("nowhere.json: no such file");
    expect(batch("find", "a.json", "--", "no-such-program").stderr).toContain("no-such-program");
    const history = batch("find", "a.json", "--ring-history", "materialized", ...program);
    expect(history.stderr).toContain("--ring-history is for the ring");
    expect(batch("find", "a.json", "--target", "0.5", "--low", "0.6", ...program).stderr).toContain(
      "band: expected low",
    );
  });
});

interface Found {
  readonly searches: {
    readonly batch: number;
    readonly boundary_batch: number | null;
    readonly notes: string[];
    readonly observations: {
      readonly batch: number;
      readonly status: string;
      readonly reason: string | null;
      readonly predicted_ratio: number | null;
      readonly ratio: number | null;
    }[];
  }[];
}

describe("vrx batch fit and estimate", () => {
  it("fit a model to the runs of a search and estimate with it", () => {
    for (const size of [4, 8, 16]) {
      const words = ["probe", "a.json", "--batch", String(size), ...run_sizes, "-o", `runs/B${size}`, ...program];
      expect(vrx(words, { cwd: folder }).code).toBe(0);
    }
    writeFileSync(join(folder, "runs/B4/note.txt"), "not part of the run");
    const fit = batch("fit", "runs", "-o", "model.json");
    expect(fit).toMatchObject({ code: 0, stderr: "" });
    expect(read("model.json")).toMatchObject({
      schema_version: "capacity_model_v1",
      calibrated_on: { gpu_name: "Test GPU", total_vram_bytes: 1_000_000_000 },
      combos: [{ base_alloc_bytes: 100_000_000, per_batch_alloc_bytes: 30_000_000, measured_max_batch: 16 }],
    });
    const same = batch("estimate", "a.json", "--model", "model.json", "--env-json", "runs/B4/env.json");
    // 850 MB and 920 MB less the base and 0 bytes of overhead.
    expect(same).toMatchObject({ code: 0, stdout: "SAFE_START=25\nMAX=27\n", stderr: "" });
    const json = batch("estimate", "a.json", "--model", "model.json", "--env-json", "runs/B4/env.json", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ status: "ok", basis: "fitted", safe_start: 25, max: 27 });

    const found = batch(
      "find",
      "a.json",
      "--model",
      "model.json",
      ...run_sizes,
      "-o",
      "modelled",
      "--json",
      ...program,
    );
    expect(JSON.parse(found.stdout)).toMatchObject({ searches: [{ status: "in_band", probes: 1, batch: 25 }] });
  });

  it("needs the memory of the GPU, and refuses another GPU unless that is allowed", () => {
    const none = batch("estimate", "a.json", "--model", "model.json");
    expect(none.code).toBe(2);
    expect(none.stderr).toContain("runtime VRAM is required");
    const words = ["estimate", "a.json", "--model", "model.json", "--total-vram-bytes", "2000000000"];
    const other = batch(...words);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("calibration/runtime mismatch");
    expect(other.stdout).toBe("");
    const allowed = batch(...words, "--allow-gpu-mismatch");
    expect(allowed).toMatchObject({ code: 0, stdout: "SAFE_START=53\nMAX=58\n" });
    expect(allowed.stderr).toContain("WARNING: calibrated with 1000000000 bytes of memory, here are 2000000000");
    const tiny = batch(
      "estimate",
      "a.json",
      "--model",
      "model.json",
      "--total-vram-bytes",
      "1000",
      "--allow-gpu-mismatch",
    );
    expect(tiny.code).toBe(1);
    expect(tiny.stderr).toContain("no batch fits");
  });

  it("counts the sizes alone where there is no model, also for two sections", () => {
    const one = batch("estimate", "--ant", "od1_real", "--colony", "od1_real", "--total-vram-bytes", "17170956288");
    expect(one).toMatchObject({ code: 0, stdout: "SAFE_START=2\nMAX=3\n" });
    expect(batch("estimate", "od1_small", "--ant", "od1_real", "--total-vram-bytes", "9").code).toBe(2);
  });

  it("says everything that is wrong with a model, and which runs give none", () => {
    writeFileSync(join(folder, "bad.json"), '{"schema_version": "capacity_model_v2", "combos": 1}');
    const bad = batch("estimate", "a.json", "--model", "bad.json", "--total-vram-bytes", "9");
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain('/schema_version: expected "capacity_model_v1"');
    expect(bad.stderr).toContain("/combos: expected a list");
    const none = batch("fit", "none");
    expect(none.code).toBe(2);
    expect(none.stderr).toContain("fit error: none of 1 runs passed");
    expect(batch("fit", "nowhere").stderr).toContain("cannot read nowhere");
    expect(readdirSync(join(folder, "none/runs"))).toEqual(["a.json_E1"]);
  });
});
