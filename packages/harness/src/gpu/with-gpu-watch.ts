import { setTimeout as delay } from "node:timers/promises";
import type { JsonObject } from "@vrx/objective-contract";
import type { Nvml } from "@vrx/native-cuda";
import type { StepReport, Workload, WorkloadFacts, WorkloadSession } from "../workload.js";
import { type BaselineStoreOptions, readGpuBaseline } from "./gpu-baseline.js";
import { GpuProcesses } from "./gpu-processes.js";
import { GpuWindow } from "./gpu-window.js";

/** A GPU to watch while a workload runs. */
export interface GpuWatch {
  /** The GPU or the MIG instance that the workload runs on: a UUID, or `cuda`, `cuda:1` as this process counts. */
  readonly device: string;
  /** File of the driver to ask instead of the system's, such as a fake one. */
  readonly driver?: string;
  /** Time from one reading to the next, 50 ms by default. */
  readonly interval_ms?: number;
  /** Where the host's own baselines are. */
  readonly baselines?: BaselineStoreOptions;
}

// NVML that has not answered for this many intervals, and at least a second, says nothing of now.
const STALE_INTERVALS = 10;
const MIN_STALE_S = 1;

const figures = [
  "sm_clock_mhz",
  "memory_clock_mhz",
  "power_mw",
  "temperature_c",
  "energy_mj",
  "throttle_reasons",
] as const;

/**
 * A workload whose GPU is watched: clocks, power, energy, temperature and throttle reasons go into every step that does
 * not tell them itself, the memory of its processes where it tells none, and into the outcome whether others were on the
 * GPU. The workload is not touched and need not know: NVML is asked from outside, beside the steps. Where it cannot be
 * asked the run goes on without, and `extras.gpu_watch.error` says why.
 *
 * @example
 * const watched = withGpuWatch(commandWorkload({ argv: ["python3", "train.py"] }), { device: "cuda:0" });
 */
export function withGpuWatch(workload: Workload, watch: GpuWatch): Workload {
  return {
    ...workload,
    async prepare(request, signal) {
      const watching = await startWatching(watch);
      try {
        return watchedSession(await workload.prepare(request, signal), watching);
      } catch (error) {
        await watching.stop();
        throw error;
      }
    },
  };
}

interface Watching {
  /** What was seen since the last call; the memory is that of the run's own processes. */
  readonly take: () => StepReport;
  readonly facts: (said: WorkloadFacts) => WorkloadFacts;
  readonly stop: () => Promise<void>;
}

async function startWatching(watch: GpuWatch): Promise<Watching> {
  try {
    const { uuid, nvml } = await findGpu(watch);
    return await watchGpu(uuid, nvml, watch);
  } catch (reason) {
    const error = reason instanceof Error ? reason.message : String(reason);
    return {
      take: () => ({}),
      facts: (said) => ({ ...said, extras: { ...said.extras, gpu_watch: { error } } }),
      stop: () => Promise.resolve(),
    };
  }
}

async function findGpu({ device, driver }: GpuWatch): Promise<{ readonly uuid: string; readonly nvml: Nvml }> {
  // Whoever measures on the host loads nothing of a device's.
  const { openDevice, openNvml } = await import("@vrx/native-cuda");
  const library = driver === undefined ? {} : { library: driver };
  const opened = await openNvml(library);
  if (opened.status === "unavailable") throw new Error(`${opened.message}; ${opened.fix}`);
  const ordinal = /^cuda(?::(\d+))?$/u.exec(device);
  const uuid = ordinal === null ? device : (await openDevice(Number(ordinal[1] ?? "0"), library)).uuid;
  return { uuid, nvml: opened.nvml };
}

async function watchGpu(uuid: string, nvml: Nvml, watch: GpuWatch): Promise<Watching> {
  const { throttleReasons } = await import("@vrx/native-cuda");
  const { interval_ms = 50, baselines } = watch;
  const board = nvml.boardUuid(uuid);
  const memory = await nvml.read(uuid, ["memory_total_bytes"]);
  const baseline = await readGpuBaseline(board, nvml.driver_version, baselines);
  // Who is there before the workload is somebody else.
  const processes = new GpuProcesses(await nvml.computeProcesses(uuid));
  const window = new GpuWindow(Math.max(MIN_STALE_S, (STALE_INTERVALS * interval_ms) / 1000));
  const now_s = (): number => performance.now() / 1000;
  const ending = new AbortController();
  const ended = (): boolean => ending.signal.aborted;
  let own_bytes: number | null = null;
  let samples = 0;
  let error: string | null = null;

  const look = async (): Promise<void> => {
    const at_s = now_s();
    try {
      const [read, listed] = await Promise.all([nvml.read(board, figures), nvml.computeProcesses(uuid)]);
      const figure = (name: (typeof figures)[number], by = 1): number | null => {
        const value = read.values.get(name);
        return value === undefined ? null : value / by;
      };
      const mask = figure("throttle_reasons");
      window.add(at_s, {
        sm_clock_mhz: figure("sm_clock_mhz"),
        memory_clock_mhz: figure("memory_clock_mhz"),
        power_w: figure("power_mw", 1000),
        temperature_c: figure("temperature_c"),
        energy_j: figure("energy_mj", 1000),
        throttle_reasons: mask === null ? null : throttleReasons(mask),
      });
      own_bytes = processes.add(listed);
      samples++;
    } catch (reason) {
      // A GPU that is lost in the middle does not end the run here; what is missing then is null.
      error = reason instanceof Error ? reason.message : String(reason);
    }
  };

  await look();
  const loop = (async (): Promise<void> => {
    for (let next_s = now_s(); !ended();) {
      next_s = Math.max(next_s + interval_ms / 1000, now_s());
      await delay((next_s - now_s()) * 1000, undefined, { signal: ending.signal, ref: false }).catch(() => undefined);
      if (!ended()) await look();
    }
  })();

  return {
    take: () => ({ ...window.take(now_s()), vram_reserved_bytes: own_bytes }),
    facts: (said) => {
      const seen: JsonObject = { interval_ms, samples, ...(error === null ? {} : { error }) };
      return {
        ...said,
        gpu_name: said.gpu_name ?? nvml.deviceName(uuid),
        total_vram_bytes: said.total_vram_bytes ?? memory.values.get("memory_total_bytes") ?? null,
        peak_vram_reserved_bytes: said.peak_vram_reserved_bytes ?? processes.peak_own_bytes,
        gpu: {
          baseline_sm_clock_mhz: baseline?.sm_clock_mhz ?? null,
          foreign_processes: processes.foreign,
        },
        extras: { ...said.extras, gpu_watch: seen },
      };
    },
    stop: async () => {
      ending.abort();
      await loop;
    },
  };
}

function watchedSession(session: WorkloadSession, watching: Watching): WorkloadSession {
  async function* steps(): AsyncGenerator<StepReport, void, undefined> {
    // What was seen during the set-up belongs to no step.
    watching.take();
    for await (const report of session.steps()) yield { ...told(watching.take()), ...told(report) };
  }
  return {
    ...session,
    steps,
    facts: () => watching.facts(session.facts?.() ?? {}),
    async close(how) {
      try {
        await session.close?.(how);
      } finally {
        await watching.stop();
      }
    },
  };
}

/** What is null was not told, and hides nothing that somebody else tells. */
function told(report: StepReport): StepReport {
  return Object.fromEntries(Object.entries(report).filter(([, value]) => value !== null && value !== undefined));
}
