import { storeGpuBaseline } from "@vrx/harness";
import {
  type Ceilings,
  type CeilingName,
  type Device,
  ceilingUnits,
  measureCeilings,
  nvmlOfDevice,
  openDriver,
  storeCeilings,
} from "@vrx/native-cuda";
import type { Output } from "../frame/output.js";
import { figure, table } from "../frame/table.js";

/** What one GPU can do, and the SM clock that it kept meanwhile. */
export interface MeasuredGpu extends Ceilings {
  /** The median under load, in MHz; null where NVML does not tell. */
  readonly sm_clock_mhz: number | null;
  /** Where the figures are kept; empty for a simulated GPU, whose figures are of nothing. */
  readonly kept: readonly string[];
}

// A reading takes less than a millisecond, and a measurement hundreds of them.
const CLOCK_INTERVAL_MS = 20;

/** Measures every GPU that the driver sees, one after the other, and keeps the figures for this host. */
export async function measureGpus(
  library: string | undefined,
  output: Output,
  signal: AbortSignal,
): Promise<readonly MeasuredGpu[]> {
  const opened = await openDriver(library === undefined ? {} : { library });
  if (opened.status === "unavailable") return [];
  const measured: MeasuredGpu[] = [];
  for (const device of opened.driver.devices) {
    signal.throwIfAborted();
    const clocks: number[] = [];
    const watching = new AbortController();
    const watch = watchClock(device, clocks, watching.signal);
    try {
      const onProgress = (name: CeilingName): void => output.progress().update(`cuda:${device.ordinal}: ${name}`);
      const ceilings = await measureCeilings(device, { signal, onProgress });
      measured.push(await keep(ceilings, device, median(clocks)));
    } finally {
      watching.abort();
      await watch;
    }
  }
  return measured;
}

/** The clock while the figures are taken, as often as NVML tells it. */
async function watchClock(device: Device, clocks: number[], signal: AbortSignal): Promise<void> {
  const nvml = await nvmlOfDevice(device).catch(() => null);
  if (nvml === null) return;
  const board = nvml.boardUuid(device.uuid);
  while (!signal.aborted) {
    const read = await nvml.read(board, ["sm_clock_mhz"]).catch(() => null);
    const clock = read?.values.get("sm_clock_mhz");
    if (clock !== undefined) clocks.push(clock);
    await new Promise((resolve) => setTimeout(resolve, CLOCK_INTERVAL_MS));
  }
}

async function keep(ceilings: Ceilings, device: Device, sm_clock_mhz: number | null): Promise<MeasuredGpu> {
  if (ceilings.simulated) return { ...ceilings, sm_clock_mhz, kept: [] };
  const kept = [await storeCeilings(ceilings)];
  if (sm_clock_mhz !== null) {
    const { driver: driver_version, measured_utc } = ceilings;
    // Clocks are the board's: a MIG slice shares those of the whole GPU.
    const gpu_uuid = (await nvmlOfDevice(device)).boardUuid(device.uuid);
    kept.push(await storeGpuBaseline({ gpu_uuid, driver_version, sm_clock_mhz, measured_utc }));
  }
  return { ...ceilings, sm_clock_mhz, kept };
}

function median(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}

/** Ceilings for people. */
export function ceilingLines(gpus: readonly MeasuredGpu[]): readonly string[] {
  return gpus.flatMap(({ gpu_uuid, gpu_name, simulated, figures, sm_clock_mhz, kept }) => {
    const rows = Object.entries(figures).map(([name, { value, why }]) => [
      `  ${name}`,
      value === null ? "-" : figure(value),
      value === null ? why : ceilingUnits[name as CeilingName],
    ]);
    const clock = sm_clock_mhz === null ? "unknown" : `${sm_clock_mhz} MHz`;
    return [
      `ceilings of ${gpu_name} ${gpu_uuid}${simulated ? " (simulated: figures of nothing)" : ""}, SM clock ${clock}:`,
      ...table(rows),
      ...kept.map((file) => `  kept in ${file}`),
    ];
  });
}
