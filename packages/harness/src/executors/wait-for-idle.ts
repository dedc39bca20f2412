import { execFile } from "node:child_process";
import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/** When a host counts as idle; what is left out is not looked at, but for the processor. */
export interface IdleRule {
  /** The largest share of all processors that may be busy; 0.1 unless given. */
  readonly busy_ratio?: number;
  /** The largest share of the time that the trial's GPU may be busy; 0.05 unless given. */
  readonly gpu_busy_ratio?: number;
  /** The highest temperature of the trial's GPU, in degrees Celsius. */
  readonly temperature_c?: number;
  /** Seconds after which a trial is run all the same, and its result says so; 300 unless given. */
  readonly limit_s?: number;
}

/** What is waited for before a trial. */
export interface TrialPause {
  /** Seconds to let the device cool down after the trial before. */
  readonly cooldown_s: number;
  /** Null: nothing is waited for. */
  readonly idle: IdleRule | null;
}

/** What a host was doing in the second before; null where nobody tells. */
export interface HostLoad {
  readonly busy_ratio: number | null;
  readonly gpu_busy_ratio: number | null;
  readonly temperature_c: number | null;
}

/** How waiting ended. `gave_up`: the limit was reached, and `why` is what was still in the way. */
export type Waited =
  | { readonly status: "idle"; readonly waited_s: number }
  | { readonly status: "gave_up"; readonly waited_s: number; readonly why: string };

export interface WaitOptions {
  /** The GPU to look at, by UUID or index; null: none. */
  readonly device: string | null;
  readonly signal: AbortSignal;
  /** What tells the load, over a second; this host's own unless given. */
  readonly look?: (device: string | null, signal: AbortSignal) => Promise<HostLoad>;
}

const WINDOW_MS = 1_000;
const SMI_LIMIT_MS = 10_000;

/**
 * Waits until a host is idle: what the last measurement left running or hot would be in the next one. Resolves at the
 * limit of the rule at the latest. Rejects with the signal's reason when it is aborted.
 */
export async function waitForIdle(rule: IdleRule, { device, signal, look = hostLoad }: WaitOptions): Promise<Waited> {
  const limit_s = rule.limit_s ?? 300;
  const began = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const busy = inTheWay(rule, await look(device, signal), device);
    const waited_s = (performance.now() - began) / 1000;
    if (busy.length === 0) return { status: "idle", waited_s };
    if (waited_s >= limit_s) return { status: "gave_up", waited_s, why: busy.join("; ") };
  }
}

function inTheWay(rule: IdleRule, load: HostLoad, device: string | null): readonly string[] {
  const most = (name: string, value: number | null, limit: number, unit: string): readonly string[] => {
    if (value === null) return [`${name} is not known`];
    return value <= limit ? [] : [`${name} is ${value.toFixed(2)}${unit}, at most ${limit}${unit} is idle`];
  };
  return [
    ...most("the busy share of the processors", load.busy_ratio, rule.busy_ratio ?? 0.1, ""),
    ...(device === null
      ? []
      : most(`the busy share of ${device}`, load.gpu_busy_ratio, rule.gpu_busy_ratio ?? 0.05, "")),
    ...(device === null || rule.temperature_c === undefined
      ? []
      : most(`the temperature of ${device}`, load.temperature_c, rule.temperature_c, " C")),
  ];
}

/** The load of this host over one second, and of one of its GPUs by nvidia-smi. */
export async function hostLoad(device: string | null, signal: AbortSignal): Promise<HostLoad> {
  const before = processorTimes();
  const gpu = device === null ? { gpu_busy_ratio: null, temperature_c: null } : await gpuLoad(device, signal);
  await delay(WINDOW_MS, undefined, { signal });
  const after = processorTimes();
  const all = after.all - before.all;
  return { busy_ratio: all > 0 ? (after.busy - before.busy) / all : null, ...gpu };
}

function processorTimes(): { readonly busy: number; readonly all: number } {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const working = times.user + times.nice + times.sys + times.irq;
    busy += working;
    all += working + times.idle;
  }
  return { busy, all };
}

function gpuLoad(device: string, signal: AbortSignal): Promise<Pick<HostLoad, "gpu_busy_ratio" | "temperature_c">> {
  const query = ["--query-gpu=utilization.gpu,temperature.gpu", "--format=csv,noheader,nounits", `--id=${device}`];
  return new Promise((resolve) => {
    execFile("nvidia-smi", query, { timeout: SMI_LIMIT_MS, signal }, (error, stdout) => {
      const [busy, temperature] = error === null ? stdout.trim().split(",").map(numberIn) : [];
      resolve({
        gpu_busy_ratio: busy === undefined || busy === null ? null : busy / 100,
        temperature_c: temperature ?? null,
      });
    });
  });
}

/** `[N/A]` is what nvidia-smi says of what a device does not tell. */
function numberIn(text: string): number | null {
  return /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : null;
}

/** Reads a pause from what somebody sent; null where it is none. */
export function readPause(value: unknown): TrialPause | null {
  if (typeof value !== "object" || value === null) return null;
  const { cooldown_s, idle }: Partial<Record<keyof TrialPause, unknown>> = value;
  if (!isAmount(cooldown_s)) return null;
  if (idle === null) return { cooldown_s, idle };
  if (typeof idle !== "object") return null;
  const { busy_ratio, gpu_busy_ratio, temperature_c, limit_s }: Partial<Record<keyof IdleRule, unknown>> = idle;
  const given = Object.entries({ busy_ratio, gpu_busy_ratio, temperature_c, limit_s }).filter(
    ([, one]) => one !== undefined,
  );
  const amounts = given.filter((entry): entry is [string, number] => isAmount(entry[1]));
  return amounts.length === given.length ? { cooldown_s, idle: Object.fromEntries(amounts) } : null;
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && Number.isFinite(value);
}
