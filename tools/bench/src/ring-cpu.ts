import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { countFlops, loadAddon } from "@vrx/ring-engine";
import { presets } from "@vrx/workload-schema";
import type { Row } from "./row.js";

const threads = 2;
const rounds = 7;
const stepsPerRound = 60;
const warmUpSteps = 10;

const native = join(dirname(createRequire(import.meta.url).resolve("@vrx/ring-engine/package.json")), "native");

/** A process of its own, so that what is resident is the engine and Node, and nothing of this benchmark. */
const training = `
import { createEngine } from "@vrx/ring-engine";
import { presets } from "@vrx/workload-schema";
const engine = await createEngine("cpu", { threads: ${threads} });
const session = await engine.prepare(presets.od1_small, {}, { seed: 1 });
const times = [];
for await (const { step, time_s } of session.steps(${warmUpSteps + stepsPerRound})) if (step >= ${warmUpSteps}) times.push(time_s);
console.log(JSON.stringify({ times, held: session.memory.held_bytes, peak_rss: process.resourceUsage().maxRSS * 1024 }));
session.dispose();
`;

/**
 * What products of matrices reach on this machine, GFLOP/s over ${threads} threads: sgemm of OpenBLAS where it is
 * installed (n = 1024, the best of some), and the engine's own kernel on panels that stay in the cache.
 */
const ceiling = `
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "ring_kernels.c"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef void (*sgemm_function)(int, int, int, int, int, int, float, const float *, int, const float *, int, float,
                               float *, int);

static double blas(void) {
  const char *names[] = {"/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0",
                         "/usr/lib/aarch64-linux-gnu/openblas-pthread/libopenblas.so.0", "libopenblas.so.0"};
  enum { n = 1024 };
  void *library = NULL;
  for (int i = 0; i < 3 && library == NULL; i++) library = dlopen(names[i], RTLD_NOW);
  if (library == NULL) return 0;
  sgemm_function sgemm = (sgemm_function)dlsym(library, "cblas_sgemm");
  void (*set_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
  if (sgemm == NULL || set_threads == NULL) return 0;
  set_threads(${threads});
  float *a = calloc(3 * n * n, sizeof *a), best = 0;
  for (int i = 0; i < 2 * n * n; i++) a[i] = (float)(i % 7);
  for (int r = 0; r < 20; r++) {
    double t = now();
    sgemm(101, 111, 111, n, n, n, 1, a, n, a + n * n, n, 0, a + 2 * n * n, n);
    float rate = (float)(2e-9 * n * n * n / (now() - t));
    if (rate > best) best = rate;
  }
  free(a);
  return best;
}

enum { DEPTH = 512, PANELS = 6, REPEATS = 300 };

static void *multiply(void *unused) {
  double *best = calloc(1, sizeof *best);
  int64_t width = MAX_VECTORS * LANES;
  real *panels = aligned_alloc(64, sizeof(real) * (size_t)(PANELS * DEPTH * width));
  real *a = aligned_alloc(64, sizeof(real) * MAX_ROWS * DEPTH), *c = aligned_alloc(64, sizeof(real) * (size_t)(MAX_ROWS * width));
  (void)unused;
  for (int64_t i = 0; i < PANELS * DEPTH * width; i++) panels[i] = 1;
  for (int64_t i = 0; i < MAX_ROWS * DEPTH; i++) a[i] = 1;
  for (int r = 0; r < 10; r++) {
    double t = now();
    for (int i = 0; i < REPEATS; i++)
      for (int p = 0; p < PANELS; p++)
        VRX_KERNEL(multiply)(MAX_ROWS, MAX_VECTORS, DEPTH, a, DEPTH, 1, panels + p * DEPTH * width, NULL, 0, c, width);
    double rate = 2e-9 * MAX_ROWS * (double)width * DEPTH * PANELS * REPEATS / (now() - t);
    if (rate > *best) *best = rate;
  }
  free(panels);
  free(a);
  free(c);
  return best;
}

int main(void) {
  pthread_t members[${threads}];
  double kernel = 0;
  for (int i = 0; i < ${threads}; i++) pthread_create(&members[i], NULL, multiply, NULL);
  for (int i = 0; i < ${threads}; i++) {
    void *rate;
    pthread_join(members[i], &rate);
    kernel += *(double *)rate;
    free(rate);
  }
  printf("{\\"kernel\\":%f,\\"blas\\":%f}\\n", kernel, blas());
  return 0;
}
`;

const flagsOf: Readonly<Record<string, readonly string[]>> = {
  generic: ["-DVRX_LEVEL=0"],
  avx2: ["-DVRX_LEVEL=1", "-mavx2", "-mfma"],
  avx512: ["-DVRX_LEVEL=2", "-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"],
};

/** The figures that a child process printed as JSON. */
function figures(child: SpawnSyncReturns<string>, what: string): Readonly<Record<string, unknown>> {
  if (child.status !== 0) throw new Error(`${what} failed: ${child.error?.message ?? child.stderr}`);
  const parsed: unknown = JSON.parse(child.stdout);
  if (typeof parsed !== "object" || parsed === null) throw new Error(`${what} printed ${child.stdout}`);
  return { ...parsed };
}

const numberOf = (value: unknown): number => (typeof value === "number" ? value : Number.NaN);

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function compileCeiling(folder: string, level: string): string {
  const program = join(folder, "ceiling");
  writeFileSync(join(folder, "ceiling.c"), ceiling);
  const flags = [
    ...(flagsOf[level] ?? []),
    "-DVRX_F64=0",
    "-DVRX_PTR_F64=1",
    "-O3",
    "-std=gnu11",
    "-ffp-contract=fast",
  ];
  const args = [...flags, `-I${native}`, "-Wno-psabi", join(folder, "ceiling.c"), "-o", program];
  const cc = spawnSync("cc", [...args, "-lpthread", "-ldl", "-lm"], { encoding: "utf8" });
  if (cc.status !== 0) throw new Error(`cc failed: ${cc.error?.message ?? cc.stderr}`);
  return program;
}

/**
 * Training of od1_small (fp32, B = 4, T = 128) on 2 threads against what matrix products reach on this machine.
 * Rounds alternate between both, and every figure is the median over the rounds, so that a busy machine slows both alike.
 */
export function run(): Promise<Row[]> {
  const load = loadAddon();
  if (load.status === "unavailable") throw new Error(`${load.message}; ${load.fix}`);
  const folder = mkdtempSync(join(tmpdir(), "vrx-bench-"));
  try {
    const program = compileCeiling(folder, load.levels.at(-1) ?? "generic");
    const measured = Array.from({ length: rounds }, () => {
      const products = figures(spawnSync(program, { encoding: "utf8" }), "the product of matrices");
      const child = spawnSync(process.execPath, ["--input-type=module", "-e", training], {
        cwd: native,
        encoding: "utf8",
      });
      const { times, held, peak_rss } = figures(child, "training");
      const steps = Array.isArray(times) ? times.map(numberOf) : [];
      return {
        step_s: median(steps),
        best_s: Math.min(...steps),
        held: numberOf(held),
        peak_rss: numberOf(peak_rss),
        kernel: numberOf(products["kernel"]),
        blas: numberOf(products["blas"]),
      };
    });
    return Promise.resolve(rowsOf(measured));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Round {
  readonly step_s: number;
  readonly best_s: number;
  readonly held: number;
  readonly peak_rss: number;
  readonly kernel: number;
  readonly blas: number;
}

function rowsOf(measured: readonly Round[]): Row[] {
  const of = (name: keyof Round): number => median(measured.map((round) => round[name]));
  const { synth_len, batch_size } = presets.od1_small.colony_spec;
  const tokens = synth_len * batch_size;
  const flops = countFlops(presets.od1_small).per_token;
  const rate = tokens / of("step_s");
  const kernelRow: Row = { name: "the engine's kernel alone, 2 threads", value: of("kernel"), unit: "GFLOP/s" };
  const blas = of("blas");
  const peer =
    blas > 0
      ? { name: "sgemm of OpenBLAS", gflops: blas }
      : { name: "the engine's kernel alone (OpenBLAS is not installed)", gflops: of("kernel") };
  const possible = (peer.gflops * 1e9) / flops;
  return [
    {
      name: "od1_small training, 2 threads",
      value: rate,
      unit: "tokens/s",
      baseline: { name: `all operations at the rate of ${peer.name}`, value: possible },
      ratio: rate / possible,
      aim: possible / 2,
      floor: 10_000,
    },
    {
      name: "od1_small training, 2 threads",
      value: (rate * flops) / 1e9,
      unit: "GFLOP/s",
      baseline: { name: peer.name, value: peer.gflops },
      ratio: (rate * flops) / 1e9 / peer.gflops,
      aim: peer.gflops / 2,
    },
    {
      name: "od1_small training, best step",
      value: tokens / Math.min(...measured.map(({ best_s }) => best_s)),
      unit: "tokens/s",
    },
    kernelRow,
    { name: "od1_small, peak resident memory with Node", value: of("peak_rss") / 1e6, unit: "MB", floor: 150 },
    { name: "od1_small, held by the engine", value: of("held") / 1e6, unit: "MB" },
  ];
}
