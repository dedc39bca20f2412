import { describe, expect, it } from "vitest";
import { type HostLoad, waitForIdle } from "../src/index.js";
import { hostLoad, readPause } from "../src/executors/wait-for-idle.js";

const signal = new AbortController().signal;
const idle: HostLoad = { busy_ratio: 0.01, gpu_busy_ratio: 0, temperature_c: 40 };

/** A host that tells these loads one after the other, and the last one for ever. */
function telling(...loads: Partial<HostLoad>[]): { look: () => Promise<HostLoad>; looked: () => number } {
  let at = 0;
  return {
    look: () => Promise.resolve({ ...idle, ...loads[Math.min(at++, loads.length - 1)] }),
    looked: () => at,
  };
}

describe("waiting for an idle host", () => {
  it("ends as soon as processors, GPU and temperature are within the rule", async () => {
    const host = telling({ busy_ratio: 0.9 }, { gpu_busy_ratio: 0.5 }, { temperature_c: 80 }, {});
    const rule = { busy_ratio: 0.1, gpu_busy_ratio: 0.05, temperature_c: 60 };
    expect(await waitForIdle(rule, { device: "GPU-1", signal, look: host.look })).toMatchObject({ status: "idle" });
    expect(host.looked()).toBe(4);
  });

  it("gives up at its limit, and says what was in the way", async () => {
    const { look } = telling({ busy_ratio: 0.9 });
    const waited = await waitForIdle({ limit_s: 0 }, { device: null, signal, look });
    expect(waited).toMatchObject({ status: "gave_up", why: expect.stringContaining("0.90, at most 0.1") as string });
  });

  it("does not take a GPU that tells nothing for idle", async () => {
    const { look } = telling({ gpu_busy_ratio: null });
    expect(await waitForIdle({ limit_s: 0 }, { device: "GPU-1", signal, look })).toMatchObject({
      why: "the busy share of GPU-1 is not known",
    });
    expect(await waitForIdle({ limit_s: 0 }, { device: null, signal, look })).toMatchObject({ status: "idle" });
  });

  it("ends when it is aborted", async () => {
    const { look } = telling({ busy_ratio: 1 });
    await expect(waitForIdle({}, { device: null, signal: AbortSignal.abort(), look })).rejects.toThrow(/abort/i);
  });

  it("reads the load of this host", async () => {
    const { busy_ratio } = await hostLoad(null, signal);
    expect(busy_ratio).toBeGreaterThanOrEqual(0);
    expect(busy_ratio).toBeLessThanOrEqual(1);
  });

  it("is asked for by what can be that only", () => {
    expect(readPause({ cooldown_s: 1, idle: { busy_ratio: 0.2 } })).toEqual({
      cooldown_s: 1,
      idle: { busy_ratio: 0.2 },
    });
    expect(readPause({ cooldown_s: 0, idle: null })).toEqual({ cooldown_s: 0, idle: null });
    for (const wrong of [
      null,
      1,
      {},
      { cooldown_s: -1, idle: null },
      { cooldown_s: 1 },
      { cooldown_s: 1, idle: { limit_s: "x" } },
    ]) {
      expect(readPause(wrong)).toBeNull();
    }
  });
});
