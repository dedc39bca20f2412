import { existsSync } from "node:fs";
import { loadAddon, probeDevices } from "@vrx/native-cuda";
import { fakeDriver, fakeDriverLibrary } from "@vrx/native-cuda/testing";
import { createEngine } from "@vrx/ring-engine";
import { describe, expect, it, onTestFinished } from "vitest";
import { defineSweep, expandSweep, localExecutor, openStore, runSweep, runTrial, trialsOf } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const built = existsSync(new URL("../dist/trial-program.js", import.meta.url));
const addon = loadAddon();
const library = fakeDriverLibrary();
const missing = !built
  ? "build @vrx/harness first"
  : addon.status === "unavailable"
    ? addon.message
    : library.status === "unavailable"
      ? library.message
      : null;
if (missing !== null) console.log(`skipped: sweeps on GPUs: ${missing}`);

const sweep = defineSweep({
  schema_version: "vrx_sweep_v1",
  name: "gpus",
  base: {
    ring_len: 64,
    slot_dim: 8,
    ptr_dtype: "fp32",
    precision: "fp32",
    seq_len: 4,
    synth_len: 4,
    batch_size: 2,
    ptr_update_every: 1,
    state_loop_samples: 0,
  },
  axes: [{ grid: { slot_dim: [8, 16, 24, 32] } }],
  seeds: [1],
  runner: { engine: "cuda" },
  probe: { warmup_steps: 1, measure_steps: 3 },
});

describe("a sweep for GPUs", () => {
  it("is planned on a host without one, and a trial there says nothing of its configuration", async () => {
    const [configuration] = await expandSweep(sweep);
    expect(configuration?.problems).toEqual([]);
    expect(configuration?.probe?.plan.runner).toMatchObject({ engine: "cuda", engine_options: {} });
    const unsupported = await expandSweep({ ...sweep, set: { ptr_dtype: "bf16" } });
    expect(unsupported[0]?.problems.join()).toContain("bf16");

    const { status } = await probeDevices();
    const plan = configuration?.probe?.plan;
    if (status === "available" || plan === undefined) return;
    await expect(runTrial(plan, { folder: temporaryFolder() })).rejects.toMatchObject({ code: "engine_unavailable" });
  });

  it.skipIf(missing !== null)("runs a trial on each at a time, and each result says on which", async () => {
    const driver = fakeDriver({ devices: [{}, {}] });
    onTestFinished(() => driver.dispose());
    const gpus = await probeDevices({ library: driver.library });
    if (gpus.status === "unavailable") throw new Error(gpus.message);
    const devices = gpus.devices.map(({ uuid }) => uuid);
    expect(new Set(devices).size).toBe(2);
    const engine = await createEngine("cuda", { driver: driver.library });
    const configurations = await expandSweep(sweep, { engine });
    const store = await openStore(temporaryFolder());
    const used = new Map<string, number>();
    const executor = localExecutor({ devices });
    for await (const event of runSweep(trialsOf(sweep, configurations), { executor, store })) {
      if (event.event === "lost") throw new Error(event.why);
      if (event.event !== "finished") continue;
      const { status, simulated, gpu_uuid } = event.result;
      expect({ status, simulated }).toEqual({ status: "invalid", simulated: true });
      used.set(gpu_uuid ?? "none", (used.get(gpu_uuid ?? "none") ?? 0) + 1);
    }
    await store.close();
    expect([...used.keys()].sort()).toEqual([...devices].sort());
    expect([...used.values()].reduce((sum, count) => sum + count, 0)).toBe(4);
  });
});
