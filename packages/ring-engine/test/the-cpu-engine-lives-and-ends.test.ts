import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import type { RingConfig, StepRequest } from "../src/backend.js";
import { type CpuBackendOptions, createCpuBackend } from "../src/cpu-backend.js";
import { RingEngineError } from "../src/errors.js";
import { initialParameters } from "../src/initial-parameters.js";
import { loadAddon } from "../src/native-addon.js";
import { ringBatch } from "../src/ring-batch.js";
import { notCompiled } from "./cpu-engine.js";
import { smallConfig } from "./small-config.js";

const requestOf = (config: RingConfig, mode: StepRequest["mode"] = "train", step = 0): StepRequest => ({
  batch: ringBatch(config, 5, step),
  mode,
});

function backendOf(config: RingConfig, options: CpuBackendOptions = {}): ReturnType<typeof createCpuBackend> {
  const backend = createCpuBackend(config, options);
  backend.writeParameters(initialParameters(config, 5));
  return backend;
}

/** Long enough that a step is still running when the next line runs. */
const slow = smallConfig({ ring_len: 256, slot_dim: 96, synth_len: 128, batch_size: 8, precision: "fp32" });

const codeOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    if (error instanceof RingEngineError) return error.code;
    throw error;
  }
  return "none";
};

describe.skipIf(notCompiled)("a step of the CPU engine", () => {
  it("leaves the event loop free", async () => {
    const backend = backendOf(slow, { threads: 1 });
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns += 1;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    await backend.run(requestOf(slow));
    running = false;
    expect(turns).toBeGreaterThan(1);
    backend.dispose();
  });

  it("gives the same bits for every number of threads, and when it is repeated", async () => {
    const results = new Set<string>();
    for (const threads of [1, 2, 3, 7, 2]) {
      const backend = backendOf(slow, { threads });
      expect(backend.threads).toBe(threads);
      const losses: number[] = [];
      for (let step = 0; step < 3; step++) losses.push((await backend.run(requestOf(slow, "train", step))).loss);
      const parameters = Buffer.from(backend.readParameters().buffer).toString("base64");
      results.add(`${losses.join()} ${parameters}`);
      backend.dispose();
    }
    expect(results.size).toBe(1);
  });

  it("does not change parameters, moments or gradients when it only goes forward", async () => {
    const config = smallConfig();
    const backend = backendOf(config);
    await backend.run(requestOf(config));
    const before = [backend.readParameters(), backend.readGradients(), backend.readOptimizer()];
    const first = await backend.run(requestOf(config, "forward", 1));
    const again = await backend.run(requestOf(config, "forward", 1));
    expect(again).toEqual(first);
    expect([backend.readParameters(), backend.readGradients(), backend.readOptimizer()]).toEqual(before);
    backend.dispose();
  });

  const load = loadAddon();
  for (const instruction_set of ["generic", "avx2", "avx512"] as const) {
    const missing = load.status !== "loaded" || !load.levels.includes(instruction_set);
    it.skipIf(missing)(`reports a loss that is no number as it is, ${instruction_set}`, async () => {
      for (const precision of ["fp32", "fp64"] as const) {
        const config = smallConfig({ precision });
        const backend = backendOf(config, { instruction_set });
        const request = requestOf(config);
        request.batch.x[3] = Number.NaN;
        expect((await backend.run(request)).loss).toBeNaN();
        backend.writeParameters(initialParameters(config, 5).fill(Infinity));
        expect((await backend.run(requestOf(config))).loss).toBeNaN();
        backend.dispose();
      }
    });
  }
});

describe.skipIf(notCompiled)("calls that cannot be served", () => {
  it("are refused with `busy` while a step runs, and the step is not harmed", async () => {
    const backend = backendOf(slow);
    const expected = await backend.run(requestOf(slow, "gradients"));
    const running = backend.run(requestOf(slow, "gradients"));
    await expect(backend.run(requestOf(slow))).rejects.toMatchObject({ code: "busy" });
    for (const call of [
      () => backend.readParameters(),
      () => backend.readGradients(),
      () => backend.readOptimizer(),
      () => {
        backend.writeParameters(new Float64Array(1));
      },
    ]) {
      expect(codeOf(call)).toBe("busy");
    }
    expect((await running).loss).toBe(expected.loss);
    backend.dispose();
  });

  it("are refused with `disposed` after the end; ending twice is fine", async () => {
    const config = smallConfig();
    const backend = backendOf(config);
    backend.dispose();
    backend.dispose();
    await expect(backend.run(requestOf(config))).rejects.toMatchObject({ code: "disposed" });
    expect(codeOf(() => backend.readParameters())).toBe("disposed");
  });

  it("leave a step that runs during the end to finish", async () => {
    const backend = backendOf(slow);
    const running = backend.run(requestOf(slow));
    backend.dispose();
    expect(Number.isFinite((await running).loss)).toBe(true);
    await expect(backend.run(requestOf(slow))).rejects.toMatchObject({ code: "disposed" });
  });

  it("are refused with `out_of_memory` before anything is touched when a configuration cannot fit", () => {
    const large = 2 ** 30;
    for (const changes of [
      { ring_len: large, slot_dim: large, synth_len: large },
      { slot_dim: 2 ** 20 },
      { synth_len: large, batch_size: large },
      { expert_heads: 2 ** 20, num_classes: large },
    ]) {
      expect(codeOf(() => createCpuBackend(smallConfig(changes)))).toBe("out_of_memory");
    }
  });

  it("are refused with `invalid_argument` for sizes, lengths and values outside of their domain", async () => {
    const config = smallConfig();
    for (const changes of [{ slot_dim: 0 }, { ring_len: 1.5 }, { batch_size: -1 }, { window_tau: Number.NaN }]) {
      expect(codeOf(() => createCpuBackend(smallConfig(changes)))).toBe("invalid_argument");
    }
    expect(codeOf(() => createCpuBackend(config, { threads: 0 }))).toBe("invalid_argument");
    const backend = backendOf(config);
    const { batch } = requestOf(config);
    for (const bad of [
      { ...batch, x: new Float64Array(1) },
      { ...batch, y: Int32Array.of(0, config.num_classes) },
      { ...batch, y: Int32Array.of(-1, 0) },
      { ...batch, pointer_unit: Float64Array.of(0, Number.NaN) },
      { ...batch, pointer_unit: Float64Array.of(0, 1.5) },
    ]) {
      await expect(backend.run({ batch: bad, mode: "train" })).rejects.toMatchObject({ code: "invalid_argument" });
    }
    expect(codeOf(() => backend.writeParameters(new Float64Array(3)))).toBe("invalid_argument");
    backend.dispose();
  });

  it("are refused with `unsupported` for an instruction set the CPU lacks", () => {
    const load = loadAddon();
    const levels = load.status === "loaded" ? load.levels : [];
    const missing = (["avx2", "avx512"] as const).find((name) => !levels.includes(name));
    const call = (): unknown => createCpuBackend(smallConfig(), { instruction_set: missing ?? ("sse9" as "avx2") });
    expect(codeOf(call)).toBe("unsupported");
  });
});

describe.skipIf(notCompiled)("engines in workers", () => {
  const load = loadAddon();
  const file = load.status === "loaded" ? load.file : "";
  /** Steps for ever, without waiting for anything else. */
  const script = `
    const { parentPort, workerData } = require("node:worker_threads");
    const addon = require(workerData.file);
    const engine = addon.create(workerData.config);
    const { batch_size: B, synth_len: T } = workerData.config;
    const step = () => addon.run(engine, new Float64Array(B * T), new Int32Array(B), new Float64Array(B), 0, false);
    step().then(({ loss }) => {
      parentPort.postMessage(loss);
      const again = () => step().then(again);
      void again();
    });`;
  const config = {
    ...slow,
    double_precision: false,
    double_pointer: true,
    threads: 2,
    level: 0,
  };

  it("run beside each other, and end with their worker in the middle of a step", async () => {
    const workers = Array.from({ length: 3 }, () => new Worker(script, { eval: true, workerData: { file, config } }));
    const losses = await Promise.all(
      workers.map((worker) => new Promise<unknown>((resolve) => worker.once("message", resolve))),
    );
    const codes = await Promise.all(workers.map((worker) => worker.terminate()));
    expect(losses).toEqual([losses[0], losses[0], losses[0]]);
    expect(codes).toEqual([1, 1, 1]);
  });
});

it.skipIf(notCompiled)("takes any delay of the sensory stage that the options take", () => {
  createCpuBackend(smallConfig({ sensory_len: 2 ** 31 - 1 })).dispose();
});
