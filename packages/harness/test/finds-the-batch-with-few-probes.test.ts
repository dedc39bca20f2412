import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import type { BatchProbe } from "../src/batch/batch-observation.js";
import { fileLimits, limitKey, memoryLimits } from "../src/batch/batch-limits.js";
import { type SearchBatchOptions, searchBatch } from "../src/batch/search-batch.js";
import { type SimulatedDevice, probeOf, randomFrom, trueShare } from "./simulated-device.js";
import { temporaryFolder } from "./temporary-folder.js";

/** Even over the range: fc.double is even over its bits, which are nearly all close to 0. */
const share = (min: number, max: number) =>
  fc.integer({ min: 0, max: 1_000_000 }).map((part) => min + ((max - min) * part) / 1_000_000);

const devices = fc
  .record({
    base: share(0.001, 0.4),
    /** The batch that would meet the target, if batches were not whole. */
    wanted: share(Math.log(0.6), Math.log(4000)).map(Math.exp),
    piece: fc.oneof(fc.constant(0), share(0.0005, 0.02)),
    noise: fc.oneof(fc.constant(0), share(0.0001, 0.004)),
    /** How wrong the prediction is: its fixed part and its slope, each as a factor. */
    base_error: share(0.3, 1.7),
    slope_error: share(0.8, 1.25),
    seed: fc.nat(),
  })
  .map(({ base, wanted, piece, noise, base_error, slope_error, seed }) => {
    const device: SimulatedDevice = { base, slope: (0.85 - base) / wanted, piece, noise, guard: 0.92 };
    const predict = (batch: number): number => base * base_error + device.slope * slope_error * batch;
    return { device, predict, seed };
  });

async function search(device: SimulatedDevice, seed: number, options: SearchBatchOptions = {}) {
  const random = randomFrom(seed);
  const probed: number[] = [];
  const found = await searchBatch((batch) => {
    probed.push(batch);
    return Promise.resolve(probeOf(device, batch, random));
  }, options);
  return { found, probed };
}

/** The passing batch closest to the target, by looking at all of them. */
function bestOf(device: SimulatedDevice): { readonly batch: number; readonly away: number } | null {
  let best: { batch: number; away: number } | null = null;
  for (let batch = 1; batch < 20_000; batch++) {
    const taken = trueShare(device, batch);
    if (taken > device.guard) break;
    const away = Math.abs(taken - 0.85);
    if (best === null || away < best.away) best = { batch, away };
  }
  return best;
}

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

describe("a search for the batch", () => {
  it.each([
    ["with a prediction", true, 3],
    ["without one", false, 3],
  ])("needs few probes %s", async (name, predicted, most) => {
    const samples = fc.sample(devices, { numRuns: 3000, seed: 5 });
    const probes: number[] = [];
    const out_of_memory: number[] = [];
    for (const { device, predict, seed } of samples) {
      const { found } = await search(device, seed, predicted ? { predict } : {});
      probes.push(found.probes);
      out_of_memory.push(found.observations.filter(({ status }) => status === "oom").length);
    }
    const p90 = [...probes].sort((a, b) => a - b)[Math.floor(0.9 * probes.length)]!;
    const ooms = out_of_memory.reduce((a, b) => a + b, 0);
    console.log(
      `${name}: median ${median(probes)}, p90 ${p90}, max ${Math.max(...probes)} probes; ${ooms} ran out of memory over ${probes.length} devices`,
    );
    expect(median(probes)).toBeLessThanOrEqual(most);
  });

  it("finds the best passing batch there is, within the noise, in a bounded number of probes", async () => {
    await fc.assert(
      fc.asyncProperty(devices, fc.boolean(), async ({ device, predict, seed }, predicted) => {
        const { found } = await search(device, seed, { max_probes: 40, ...(predicted ? { predict } : {}) });
        const best = bestOf(device);
        const blur = 2 * device.noise + device.piece;
        expect(found.probes).toBeLessThanOrEqual(24);
        if (best === null) {
          if (trueShare(device, 1) > device.guard + device.noise) expect(found.status).toBe("none_passes");
          return;
        }
        if (trueShare(device, best.batch) > device.guard - device.noise) return;
        expect(found.batch).not.toBeNull();
        const away = Math.abs(trueShare(device, found.batch!) - 0.85);
        if (found.status === "in_band") expect(away).toBeLessThanOrEqual(0.03 + device.noise + 1e-9);
        else expect(away).toBeLessThanOrEqual(best.away + blur + 1e-9);
      }),
      { numRuns: 2000 },
    );
  });

  it("never probes a batch twice without need, nor one at or above a batch that ran out of memory", async () => {
    await fc.assert(
      fc.asyncProperty(
        devices,
        fc.nat({ max: 12 }),
        fc.boolean(),
        async ({ device, predict, seed }, max, predicted) => {
          const max_probes = max + 1;
          const { found, probed } = await search(device, seed, { max_probes, ...(predicted ? { predict } : {}) });
          expect(probed.length).toBeLessThanOrEqual(max_probes);
          expect(found.observations.map(({ batch }) => batch)).toEqual(probed);
          expect(new Set(probed).size).toBe(probed.length);
          let limit = Infinity;
          for (const { batch, status } of found.observations) {
            expect(batch).toBeLessThan(limit);
            if (status === "oom") limit = batch;
          }
          if (found.batch !== null)
            expect(found.observations.find(({ batch }) => batch === found.batch)?.status).toBe("passed");
        },
      ),
      { numRuns: 1000 },
    );
  });
});

const line: SimulatedDevice = { base: 0.1, slope: 0.03, piece: 0, noise: 0, guard: 0.92 };

describe("what a search keeps to", () => {
  it("stops as soon as it is in the band and does not double from there", async () => {
    const { found, probed } = await search(line, 1);
    expect(found).toMatchObject({ status: "in_band", boundary_batch: null });
    expect(Math.max(...probed)).toBeLessThanOrEqual(26);
  });

  it("does not probe the batch that would certainly be too large", async () => {
    const stress: SimulatedDevice = { base: 0.01, slope: 0.76, piece: 0, noise: 0, guard: 0.92 };
    const { found, probed } = await search(stress, 1, { predict: (batch) => 0.02 + 0.75 * batch });
    expect(probed).toEqual([1]);
    expect(found).toMatchObject({ status: "best_possible", batch: 1 });
    expect(found.reason).toContain("it was not probed");
  });

  it("probes a batch that a prediction with a wrong fixed part takes for too large", async () => {
    const device: SimulatedDevice = { base: 0.37, slope: 0.18, piece: 0, noise: 0, guard: 0.92 };
    const { found, probed } = await search(device, 1, { predict: (batch) => 0.111 + 0.198 * batch });
    expect(probed).toEqual([4, 2, 3]);
    expect(found).toMatchObject({ status: "best_possible", batch: 3 });
  });

  it("goes on over a share that falls, and says so", async () => {
    const shares = new Map([
      [1, 0.1],
      [2, 0.5],
      [4, 0.4],
      [8, 0.6],
    ]);
    const found = await searchBatch(
      (batch) => Promise.resolve<BatchProbe>({ status: "passed", ratio: shares.get(batch) ?? 0.05 * batch + 0.2 }),
      { target_ratio: 0.55, band: [0.4, 0.7], max_probes: 12 },
    );
    expect(found).toMatchObject({ status: "in_band", batch: 5 });
    const narrow = await searchBatch(
      (batch) => Promise.resolve<BatchProbe>({ status: "passed", ratio: batch === 1 ? 0.3 : 0.1 + 0.05 * batch }),
      { target_ratio: 0.55, band: [0.54, 0.56] },
    );
    expect(narrow).toMatchObject({ status: "in_band", batch: 9 });
    expect(narrow.notes.join()).toContain("batch 2 takes less than batch 1: 0.2 after 0.3");
  });

  it("remembers out of memory across searches, by the key of everything but the batch", async () => {
    const file = join(temporaryFolder(), "state/limits.json");
    const optimistic = { predict: (batch: number) => 0.01 * batch };
    const key = limitKey({ workload: "a" });
    const first = await search(line, 1, { ...optimistic, limits: fileLimits(file), limit_key: key });
    expect(first.probed[0]).toBe(85);
    const lowest = Math.min(
      ...first.found.observations.flatMap(({ status, batch }) => (status === "oom" ? [batch] : [])),
    );
    const second = await search(line, 1, { ...optimistic, limits: fileLimits(file), limit_key: key });
    expect(Math.max(...second.probed)).toBeLessThan(lowest);
    expect(second.found.notes[0]).toContain("ran out of memory before");
    const other = await search(line, 1, {
      ...optimistic,
      limits: fileLimits(file),
      limit_key: limitKey({ workload: "b" }),
    });
    expect(other.probed[0]).toBe(85);
    expect(await fileLimits(file).lowestOom(key)).toBe(lowest);
    writeFileSync(file, "no json");
    expect(await fileLimits(file).lowestOom(key)).toBeNull();
  });

  it("knows that nothing fits once a batch of 1 ran out of memory", async () => {
    const limits = memoryLimits();
    await limits.learnOom("", 1);
    const { found, probed } = await search(line, 1, { limits });
    expect(probed).toEqual([]);
    expect(found).toMatchObject({ status: "none_passes", batch: null, boundary_batch: 1 });
  });

  it("ends where nobody measures the share, with the reason", async () => {
    const found = await searchBatch(() => Promise.resolve({ status: "passed", ratio: null, reason: "no budget" }));
    expect(found).toMatchObject({ status: "no_ratio", reason: "no budget", batch: 1, ratio: null, probes: 1 });
  });

  it("takes a batch as too large whose probe takes longer than its time, and tells the probe to end", async () => {
    let ended = 0;
    const found = await searchBatch(
      (batch, { signal }) =>
        batch <= 4
          ? Promise.resolve<BatchProbe>({ status: "passed", ratio: 0.1 * batch })
          : new Promise((_, reject) => {
              signal.addEventListener("abort", () => {
                ended++;
                reject(new Error("ended"));
              });
            }),
      { time_limit_s: 0.02 },
    );
    expect(found.observations.some(({ status }) => status === "timeout")).toBe(true);
    expect(found).toMatchObject({ status: "best_possible", batch: 4, boundary_batch: 5 });
    expect(ended).toBeGreaterThan(0);
  });

  it("tries a doubtful failure once more", async () => {
    let count = 0;
    const found = await searchBatch((batch) =>
      Promise.resolve<BatchProbe>(
        count++ === 1
          ? { status: "failed", ratio: null, doubtful: true }
          : { status: "passed", ratio: 0.1 + 0.03 * batch },
      ),
    );
    expect(found.status).toBe("in_band");
    expect(found.observations[1]?.batch).toBe(found.observations[2]?.batch);
  });

  it("keeps every observation when a probe throws and when it is aborted", async () => {
    const broken = await searchBatch((batch) =>
      batch === 1 ? Promise.resolve({ status: "passed", ratio: 0.2 }) : Promise.reject(new Error("no such program")),
    );
    expect(broken).toMatchObject({ status: "error", reason: "no such program", batch: 1 });
    expect(broken.observations).toHaveLength(2);
    const controller = new AbortController();
    const aborted = await searchBatch(
      (batch) => {
        controller.abort();
        return Promise.resolve({ status: "passed", ratio: 0.02 * batch });
      },
      { signal: controller.signal },
    );
    expect(aborted).toMatchObject({ status: "cancelled", batch: 1, probes: 1 });
  });

  it("refuses a band that does not hold its target", async () => {
    await expect(searchBatch(() => Promise.reject(new Error()), { band: [0.9, 0.95], max_probes: 0 })).rejects.toThrow(
      /band: expected low <= target <= high.*max_probes/,
    );
  });
});
