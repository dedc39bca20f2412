import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** What a GPU keeps under load on this host, with this driver. */
export interface GpuBaseline {
  readonly gpu_uuid: string;
  readonly driver_version: string;
  readonly sm_clock_mhz: number;
  readonly measured_utc: string;
}

/** Where baselines are kept. */
export interface BaselineStoreOptions {
  /** By default `vrx` in the user's folder for state (XDG_STATE_HOME, or ~/.local/state). */
  readonly folder?: string;
}

function fileOf(gpu_uuid: string, driver_version: string, { folder = stateFolder() }: BaselineStoreOptions): string {
  return join(folder, "gpu-baselines", `${gpu_uuid}_${driver_version}.json`.replaceAll(/[^\w.-]/g, "_"));
}

function stateFolder(): string {
  // The XDG base directory specification takes absolute paths only.
  const set = process.env["XDG_STATE_HOME"] ?? "";
  return join(isAbsolute(set) ? set : join(homedir(), ".local", "state"), "vrx");
}

/** Keeps a baseline on this host, in place of an older one of the same card and driver; gives its file. */
export async function storeGpuBaseline(baseline: GpuBaseline, options: BaselineStoreOptions = {}): Promise<string> {
  const file = fileOf(baseline.gpu_uuid, baseline.driver_version, options);
  await mkdir(join(file, ".."), { recursive: true });
  const made = `${file}.${process.pid}`;
  await writeFile(made, `${JSON.stringify(baseline, null, 2)}\n`);
  await rename(made, file);
  return file;
}

/** The baseline of a card with a driver; null where none was kept, or what is there is none. */
export async function readGpuBaseline(
  gpu_uuid: string,
  driver_version: string,
  options: BaselineStoreOptions = {},
): Promise<GpuBaseline | null> {
  try {
    const json: unknown = JSON.parse(await readFile(fileOf(gpu_uuid, driver_version, options), "utf8"));
    if (typeof json !== "object" || json === null) return null;
    const found = new Map<string, unknown>(Object.entries(json));
    const [clock, measured_utc] = [found.get("sm_clock_mhz"), found.get("measured_utc")];
    const same = found.get("gpu_uuid") === gpu_uuid && found.get("driver_version") === driver_version;
    const usable = typeof clock === "number" && Number.isFinite(clock) && clock > 0 && typeof measured_utc === "string";
    return same && usable ? { gpu_uuid, driver_version, sm_clock_mhz: clock, measured_utc } : null;
  } catch {
    return null;
  }
}
