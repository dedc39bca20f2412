import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadAddon } from "@vrx/native-cuda";
import { fakeDriverLibrary } from "@vrx/native-cuda/testing";
import { describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { childOf, membersOf } from "./helpers/processes.js";
import { specText } from "./helpers/specs.js";
import { startVrx } from "./helpers/start-vrx.js";
import { type Conditions, type Outcome, bash, vrx } from "./helpers/vrx.js";

const folder = testFolder();
const artifacts = ["env.json", "metrics.csv", "metrics.json", "run_cmd.txt", "samples.jsonl", "summary.md"];
const train = fileURLToPath(new URL("../../../docs/examples/train.py", import.meta.url));
// Small enough for the reference engine, which every machine has.
const tiny = join(folder, "tiny.json");
writeFileSync(
  tiny,
  specText({
    ant: { ring_len: 24, slot_dim: 12, precision: "fp64" },
    colony: { seq_len: 6, synth_len: 6, batch_size: 2 },
  }),
);
const ring = [tiny, "--engine", "reference"];
const noFakeDriver = fakeDriverLibrary().status === "unavailable" || loadAddon().status === "unavailable";
if (noFakeDriver) console.log("skipped: the ring on a GPU: there is no compiler for the fake driver");

let count = 0;
const newRun = (): string => `run${++count}`;
const probe = (words: readonly string[], conditions: Conditions = {}): Outcome =>
  vrx(["probe", ...words], { cwd: folder, ...conditions });
const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const metricsOf = (run: string): Record<string, unknown> =>
  json(readFileSync(join(folder, run, "metrics.json"), "utf8"));
const filesOf = (run: string): string[] => readdirSync(join(folder, run)).sort();
const lossesOf = (run: string): unknown[] =>
  readFileSync(join(folder, run, "samples.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => json(line)["loss"]);

/** A python program that reports `total` steps with what `each` does before each. */
const python = (each = "pass", after = "pass"): string[] => [
  "--",
  "python3",
  "-c",
  `
import json, os, sys, time, signal
fd = int(os.environ["VRX_SAMPLES_FD"])
total = int(os.environ["VRX_WARMUP_STEPS"]) + int(os.environ["VRX_MEASURE_STEPS"])
def send(line): os.write(fd, (json.dumps(line) + "\\n").encode())
send({"hello": {"executed_precision": "fp64", "device": "cpu"}})
for i in range(total):
    ${each}
    time.sleep(0.002)
    send({"step": i, "time_s": 0.002, "loss": 1.0})
${after}
`,
];

describe("vrx probe of the ring", () => {
  it("writes the run directory, and prints figures first and verdict and artifacts last", () => {
    const run = newRun();
    const { code, stdout, stderr } = probe([...ring, "-o", run]);
    expect(code).toBe(0);
    expect(filesOf(run)).toEqual(artifacts);
    expect(stdout).toMatch(/^workload +\S*tiny\.json +wl_v1_[\da-f]{12}__E1__fp64_amp0\n/);
    expect(stdout).toMatch(/^steps +5 warm-up, 50 of 50 measured$/m);
    expect(stdout).toMatch(/^throughput +\d+ tokens\/s, /m);
    expect(stdout).toMatch(/^step time +median .*, p95 .* \(perf_counter\)$/m);
    expect(stdout).toMatch(/^memory +\S+ kB predicted, \S+ kB held \(error .* %\), /m);
    expect(stdout).toMatch(new RegExp(`^verdict +(pass|fail)[^]*\\nartifacts +${run}\\n$`, "m"));
    expect(stderr).toMatch(/^vrx: wl_v1_\S+ on reference, 5 \+ 50 steps, predicted memory \S+ kB\n$/);
  });

  it("repeats its losses bit for bit with the same seed", () => {
    const [first, again, other] = [newRun(), newRun(), newRun()];
    for (const [run, seed] of [
      [first, "7"],
      [again, "7"],
      [other, "8"],
    ] as const) {
      expect(probe([...ring, "--seed", seed, "-o", run]).code).toBe(0);
    }
    expect(lossesOf(again)).toEqual(lossesOf(first));
    expect(lossesOf(other)).not.toEqual(lossesOf(first));
  });

  it("prints one JSON document, and judges as vrx check does", () => {
    const run = newRun();
    const { code, stdout } = probe([...ring, "--json", "-q", "-o", run, "--heads", "2"]);
    const document = json(stdout);
    expect(code).toBe(0);
    expect(document).toMatchObject({ stop_reason: "measure_steps_reached", steps_recorded: 55, engine: "reference" });
    expect(document["probe_id"]).toMatch(/__E2__fp64_amp0$/);
    expect(document["verdict"]).toBe(metricsOf(run)["verdict"]);
    const check = vrx(["check", run], { cwd: folder });
    expect(check.stdout).toMatch(new RegExp(`^${run}: ${String(document["verdict"])}\n`));
  });

  it("changes the spec by its options before the id is computed", () => {
    const plan = json(probe([...ring, "--dry-run", "--json", "--batch", "3", "--heads", "4"]).stdout);
    const spec = join(folder, "batch3.json");
    writeFileSync(spec, readFileSync(tiny, "utf8").replace('"batch_size": 2', '"batch_size": 3'));
    const { stdout } = vrx(["workload", "id", spec]);
    expect(plan).toMatchObject({
      dry_run: true,
      workload_id: stdout.trim(),
      probe_id: `${stdout.trim()}__E4__fp64_amp0`,
    });
  });

  it("runs nothing and writes nothing on a dry run", () => {
    const run = newRun();
    const { code, stdout } = probe([...ring, "--dry-run", "-o", run]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^artifacts +run\d+ \(not written: dry run\)$/m);
    expect(readdirSync(folder)).not.toContain(run);
  });

  it("takes ant and colony from different places", () => {
    writeFileSync(join(folder, "ant.json"), '{"ring_len": 24, "slot_dim": 12, "ptr_dtype": "fp64"}');
    const words = [
      "--ant",
      "ant.json",
      "--colony",
      tiny,
      "--precision",
      "fp64",
      "--batch",
      "2",
      "--engine",
      "reference",
    ];
    const composed = json(probe([...words, "--dry-run", "--json"]).stdout);
    const plain = json(probe([...ring, "--dry-run", "--json"]).stdout);
    expect(composed["workload_digest"]).toBe(plain["workload_digest"]);
    const inline = [
      "--ant",
      "preset:od1_small",
      "--colony",
      '{"seq_len":1,"synth_len":1,"batch_size":1,"ptr_update_every":1,"state_loop_samples":0}',
    ];
    expect(probe([...inline, "--precision", "fp64", "--dry-run"]).code).toBe(0);
  });

  it("ends with a verdict when the measuring process is killed", async () => {
    const run = newRun();
    const vrx = startVrx(["probe", ...ring, "--measure-steps", "200000", "-o", run], folder);
    process.kill(await childOf(vrx.pid, "ring-program"), "SIGKILL");
    const { code, stdout } = await vrx.ended;
    expect(stdout).toMatch(/^verdict +fail$/m);
    expect(stdout).toMatch(/failed: runtime_exception: the program was ended by SIGKILL/);
    expect(code).toBe(0);
    expect(filesOf(run)).toEqual(artifacts);
  });
});

describe.skipIf(noFakeDriver)("vrx probe on the fake driver", () => {
  const onFake = (words: readonly string[]): { run: string; outcome: Outcome } => {
    const run = newRun();
    const steps = ["--warmup-steps", "1", "--measure-steps", "3"];
    return { run, outcome: probe([tiny, "--engine", "cuda", "--fake-driver", ...steps, "-o", run, ...words]) };
  };
  const memoryOf = (run: string) => Number(metricsOf(run)["peak_vram_allocated_bytes"]);
  const invocationOf = (run: string) => json(readFileSync(join(folder, run, "run_cmd.txt"), "utf8"));

  it("executes amp as fp16, and records both", () => {
    const { run, outcome } = onFake(["--precision", "amp"]);
    expect(outcome.stdout).toMatch(/invalid: simulated_device/);
    expect(outcome.stdout).not.toMatch(/precision_not_executed/);
    expect(outcome.code).toBe(0);
    expect(metricsOf(run)).toMatchObject({
      precision: "amp",
      amp: 1,
      executed_precision: "fp16",
      executed_amp: 1,
      step_time_mode: "cuda_events",
    });
    expect(json(onFake(["--precision", "amp", "--json"]).outcome.stdout)["extras"]).toMatchObject({
      loss_scaling: { skipped_updates: 0 },
    });
  });

  it("keeps a ring for every time step where it is told to, which is another run", () => {
    const kept = onFake(["--ring-history", "materialized"]);
    const inplace = onFake(["--ring-history", "inplace"]);
    const plain = onFake([]);
    expect([kept, inplace, plain].map(({ outcome }) => outcome.code)).toEqual([0, 0, 0]);
    // Six time steps, two samples, 24 slots of 12 numbers in fp64.
    expect(memoryOf(kept.run) - memoryOf(plain.run)).toBe(6 * 2 * 24 * 12 * 8);
    expect(lossesOf(kept.run)).toEqual(lossesOf(plain.run));
    const digests = [kept, inplace, plain].map(({ run }) => invocationOf(run)["run_options_digest"]);
    expect(digests[1]).toBe(digests[2]);
    expect(digests[0]).not.toBe(digests[1]);
    expect(invocationOf(kept.run)["workload_id"]).toBe(invocationOf(plain.run)["workload_id"]);
  });
});

describe("vrx probe of a program", () => {
  it("measures the example of the documentation", () => {
    const run = newRun();
    const { code, stdout } = probe(["od1_small", "--precision", "fp64", "-o", run, "--", "python3", train]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^program +python3 \S+train\.py$/m);
    expect(stdout).toMatch(/^step time .*\(self_reported\)$/m);
    expect(metricsOf(run)).toMatchObject({ measured_steps: 50, executed_precision: "fp64", device_kind: "cpu" });
  });

  it("says that the example does not execute what another spec asks for", () => {
    const { stdout, code } = probe(["od1_small", "--exit-verdict", "-o", newRun(), "--", "python3", train]);
    expect(stdout).toMatch(/invalid: precision_not_executed: asked for fp32 \(amp off\), executed fp64 \(amp off\)/);
    // On a busy machine step times may fail it as well, which weighs more.
    expect([1, 3]).toContain(code);
  });

  it("maps the verdict to the exit code only when asked to", () => {
    const failing = python("if i == 3: sys.exit(9)");
    expect(probe([tiny, "-o", newRun(), ...failing]).code).toBe(0);
    expect(probe([tiny, "--exit-verdict", "-o", newRun(), ...failing]).code).toBe(1);
    expect(probe([tiny, "--exit-verdict", "--measure-steps", "3", "-o", newRun(), ...python()]).code).toBe(3);
  });

  it("passes on what the program prints, on stderr alone", () => {
    const words = [
      tiny,
      "--json",
      "-o",
      newRun(),
      ...python('print("out", i, flush=True); print("err", i, file=sys.stderr)'),
    ];
    const { stdout, stderr } = probe(words);
    expect(json(stdout)["steps_recorded"]).toBe(55);
    expect(stderr).toMatch(/^out 0$/m);
    expect(stderr).toMatch(/^err 54$/m);
    expect(probe([tiny, "-q", "-o", newRun(), ...python('print("out")')]).stderr).toBe("");
  });

  it("gives the program the stdin it has itself, unless the spec comes from there", () => {
    const reads = python("pass", 'open("stdin.txt", "w").write(sys.stdin.read())');
    probe([tiny, "-o", newRun(), ...reads], { input: "for the program" });
    expect(readFileSync(join(folder, "stdin.txt"), "utf8")).toBe("for the program");
    expect(probe(["-", "-o", newRun(), ...reads], { input: readFileSync(tiny) }).code).toBe(0);
    expect(readFileSync(join(folder, "stdin.txt"), "utf8")).toBe("");
  });

  it("stays small under a flood without line ends", () => {
    const endless = ["--", "python3", "-c", "import os\nwhile True: os.write(3, b'x' * 65536)"];
    const { stdout } = probe([tiny, "-o", newRun(), ...endless]);
    expect(stdout).toMatch(
      /failed: runtime_exception: line 1 of the samples: expected at most 65536 bytes, found more/,
    );
  });
});

describe("what cannot be run", () => {
  const cases: [string, string[], RegExp][] = [
    ["no spec", [], /expected SPEC, or both --ant and --colony/],
    ["half a spec", ["--ant", "od1_small"], /expected SPEC, or both --ant and --colony/],
    ["two specs", [tiny, "--ant", "od1_small", "--colony", "od1_small"], /expected SPEC, or both/],
    ["an unknown preset", ["od1_smal"], /did you mean od1_small\?/],
    ["a bad spec", ["bad.json"], /bad\.json:\d+:\d+: .*ring_len/],
    ["a bad ant", ["--ant", '{"ring_len": 1.0}', "--colony", "od1_small"], /--ant and --colony: .*ring_len/],
    [
      "an ant with something behind it",
      ["--ant", '{} , "x": {}', "--colony", "od1_small"],
      /--ant .*expected a JSON object/,
    ],
    [
      "a precision no engine has",
      ["od1_small", "--precision", "bf16"],
      /not in bf16.*; try: vrx probe od1_small --precision fp64 --batch 1\n$/,
    ],
    [
      "a device that is not there",
      ["od1_small", "--engine", "cuda", "--device", "cuda:99"],
      /there is no (CUDA driver|native addon|device)/,
    ],
    [
      "a device for an engine of the host",
      [tiny, "--engine", "cpu", "--device", "cuda:0"],
      /the cpu engine runs on the cpu, found "cuda:0"/,
    ],
    ["the cpu as a GPU", [tiny, "--fake-driver", "--device", "cpu"], /--device cpu: expected a GPU for --fake-driver/],
    ["a fake driver for a program", [tiny, "--fake-driver", "--", "true"], /--fake-driver is for the ring/],
    ["no folder", [tiny, "--out", "-"], /--out: expected a folder for the run, found `-`/],
    ["no program", [tiny, "--"], /expected a command after `--`, found nothing/],
    ["a program that is not there", [tiny, "--", "no-such-program"], /no folder of PATH has an executable file/],
    ["a program that is a folder", [tiny, "--", "./"], /there is no executable file at/],
    [
      "a ring for every time step on an engine of the host",
      [...ring, "--ring-history", "materialized"],
      /the reference engine keeps one ring, not one for every time step: the cuda engine can/,
    ],
    [
      "amp on an engine of the host",
      [...ring, "--precision", "amp"],
      /the reference engine computes in fp64, not in amp: the cuda engine does/,
    ],
    [
      "a ring's history for a program",
      [tiny, "--ring-history", "inplace", "--", "true"],
      /--ring-history is for the ring/,
    ],
    ["an engine for a program", [tiny, "--engine", "cpu", "--", "true"], /--engine is for the ring/],
    ["no steps", [tiny, "--measure-steps", "0"], /--measure-steps: expected a whole number of at least 1/],
    ["too many steps", [tiny, "--measure-steps", "1000001", "--", "true"], /at most 1000000 steps can be recorded/],
    ["a lax guard", [tiny, "--vram-guard-ratio", "0.95", "--", "true"], /vram_guard_ratio must lie in 0\.9 to 0\.92/],
    ["a ratio that is none", [tiny, "--vram-guard-ratio", "1e-1"], /expected a decimal number such as 0\.92/],
  ];
  writeFileSync(join(folder, "bad.json"), specText({ ant: { ring_len: "8" } }));

  it.each(cases)("%s exits 2 with a reason and nothing written", (_name, words, message) => {
    const run = newRun();
    const { code, stdout, stderr } = probe(["-o", run, ...words]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).not.toMatch(/\n\s+at |defect/);
    expect(readdirSync(folder)).not.toContain(run);
  });

  it("a folder that holds a run is left as it is", () => {
    const run = newRun();
    expect(probe([...ring, "-o", run]).code).toBe(0);
    const before = filesOf(run).map((name) => readFileSync(join(folder, run, name), "utf8"));
    const { code, stderr } = probe([...ring, "-o", run]);
    expect(stderr).toMatch(/already holds a run/);
    expect(code).toBe(2);
    expect(filesOf(run).map((name) => readFileSync(join(folder, run, name), "utf8"))).toEqual(before);
  });

  it("a file in the place of the folder is left as it is", () => {
    writeFileSync(join(folder, "a-file"), "mine");
    const { code, stderr } = probe([...ring, "-o", "a-file"]);
    expect(stderr).toMatch(/is a file; a run needs a folder of its own/);
    expect(code).toBe(2);
    expect(readFileSync(join(folder, "a-file"), "utf8")).toBe("mine");
  });

  it.skipIf(process.getuid?.() !== 0)("a folder that is not writable is an error before the run", () => {
    mkdirSync(join(folder, "locked"), { mode: 0o555 });
    chmodSync(folder, 0o755);
    // Root may write anywhere: somebody else runs it.
    const { code, stderr } = probe([...ring, "-o", join(folder, "locked", "run")], { uid: 65_534, cwd: "/" });
    expect(stderr).toMatch(/it is not writable; choose another folder|permission denied/);
    expect(code).toBe(2);
  });
});

describe("two at once", () => {
  it("of two probes into one folder one runs and one is refused", async () => {
    const run = newRun();
    const words = ["probe", ...ring, "-o", run];
    const ends = await Promise.all([startVrx(words, folder).ended, startVrx(words, folder).ended]);
    expect(ends.map(({ code }) => code).sort()).toEqual([0, 2]);
    expect(filesOf(run)).toEqual(artifacts);
  });

  it("of two probes into the default folder both run", async () => {
    const cwd = join(folder, "default");
    mkdirSync(cwd);
    const words = ["probe", ...ring, "--measure-steps", "20"];
    const ends = await Promise.all([startVrx(words, cwd).ended, startVrx(words, cwd).ended]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    expect(readdirSync(join(cwd, "runs"))).toHaveLength(2);
  });
});

describe("interruption", () => {
  it.each([
    ["SIGINT", 130, "set-up", ["--", "sleep", "600"], /predicted|on command/],
    ["SIGTERM", 143, "warm-up", ["--warmup-steps", "100000", ...python('print("step", flush=True)')], /^step/m],
    [
      "SIGINT",
      130,
      "measured steps",
      ["--warmup-steps", "0", "--measure-steps", "100000", ...python('print("step", flush=True)')],
      /^step/m,
    ],
    ["SIGHUP", 129, "warm-up", ["--warmup-steps", "100000", ...python('print("step", flush=True)')], /^step/m],
  ] as const)(
    "%s (exit %d) in the %s keeps everything and leaves no process",
    async (signal, code, _when, words, started) => {
      const run = newRun();
      const vrx = startVrx(["probe", tiny, "-o", run, ...words], folder);
      await vrx.shows(started);
      const group = await childOf(vrx.pid, words.includes("sleep") ? "sleep" : "python3");
      vrx.kill(signal);
      const outcome = await vrx.ended;
      expect(outcome.code).toBe(code);
      expect(outcome.stdout).toMatch(/^verdict +inconclusive$/m);
      expect(filesOf(run)).toEqual(artifacts);
      expect(metricsOf(run)).toMatchObject({ run_status: "interrupted", verdict: "inconclusive" });
      expect(membersOf(group)).toEqual([]);
    },
  );

  it("a second signal ends it at once, with the program and a complete directory", async () => {
    const run = newRun();
    const stubborn = python(
      "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('step', os.environ['VRX_SPEC_FILE'], flush=True)",
    );
    const vrx = startVrx(["probe", tiny, "--measure-steps", "100000", "-o", run, ...stubborn], folder);
    await vrx.shows(/^step/m);
    const group = await childOf(vrx.pid, "python3");
    vrx.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 300));
    vrx.kill("SIGINT");
    const { code, stderr } = await vrx.ended;
    expect(code).toBe(130);
    expect(filesOf(run)).toEqual(artifacts);
    expect(membersOf(group)).toEqual([]);
    expect(existsSync(/^step (.+)$/m.exec(stderr)![1]!)).toBe(false);
  });
});

describe("a run directory that somebody takes away while it is measured", () => {
  it("is an error that names what is missing, and no defect of vrx", () => {
    const run = newRun();
    const { code, stderr } = probe([tiny, "-o", run, "--", "rm", "-r", run]);
    expect(stderr).toMatch(/holds no run that can be used: run_cmd.txt: it is not there/);
    expect(code).toBe(2);
  });
});

describe("a full disk", () => {
  it.skipIf(process.getuid?.() !== 0)("is an error that names it, and loses no sample", ({ skip }) => {
    const disk = join(folder, "disk");
    mkdirSync(disk);
    if (bash(`mount -t tmpfs -o size=96k tmpfs ${disk}`).code !== 0) skip("mounting is not allowed here");
    try {
      const flood = ["--", "python3", "-c", "import os\nwhile True: os.write(3, b'{\"loss\": 1.0}\\n' * 100)"];
      const words = [tiny, "--measure-steps", "900000", "-o", join(disk, "run"), ...flood];
      const { code, stderr } = probe(words);
      expect(stderr).toMatch(/there is no room left/);
      expect(code).toBe(2);
      const lines = readFileSync(join(disk, "run", "samples.jsonl"), "utf8").split("\n");
      expect(lines.pop()).toBe("");
      expect(lines.length).toBeGreaterThan(100);
      for (const line of lines) expect(json(line)["loss"]).toBe(1);
      expect(readdirSync(join(disk, "run")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    } finally {
      bash(`umount ${disk}`);
    }
  });
});
