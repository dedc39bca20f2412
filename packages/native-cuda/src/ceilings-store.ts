import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Ceiling, type CeilingName, type Ceilings, ceilingUnits } from "./ceilings.js";
import { CudaError } from "./errors.js";

/** Where ceilings are kept. */
export interface CeilingStoreOptions {
  /** By default `vrx` in the user's folder for state (XDG_STATE_HOME, or ~/.local/state). */
  readonly folder?: string;
}

function stateFolder(): string {
  // The XDG base directory specification takes absolute paths only.
  const set = process.env["XDG_STATE_HOME"];
  return join(set?.startsWith("/") === true ? set : join(homedir(), ".local", "state"), "vrx");
}

/** One file for each card and driver: another driver may be faster, and another card is. */
function fileOf(gpu_uuid: string, driver: string, folder: string): string {
  return join(folder, "ceilings", `${gpu_uuid}_${driver}.json`.replace(/[^\w.-]/g, "_"));
}

/**
 * Keeps ceilings on this host, in place of what was measured before with the same card and driver; returns the file.
 * Throws `invalid_argument` for those of a fake driver, which are figures of nothing.
 */
export async function storeCeilings(ceilings: Ceilings, options: CeilingStoreOptions = {}): Promise<string> {
  if (ceilings.simulated) throw new CudaError("invalid_argument", "ceilings of a fake driver are not kept");
  const folder = options.folder ?? stateFolder();
  const file = fileOf(ceilings.gpu_uuid, ceilings.driver, folder);
  await mkdir(join(folder, "ceilings"), { recursive: true });
  const made = `${file}.${process.pid}`;
  await writeFile(made, `${JSON.stringify(ceilings, null, 2)}\n`);
  await rename(made, file);
  return file;
}

/** What was kept for this card and driver; null where nothing was, or what is there is not readable as ceilings. */
export async function readCeilings(
  gpu_uuid: string,
  driver: string,
  options: CeilingStoreOptions = {},
): Promise<Ceilings | null> {
  try {
    const text = await readFile(fileOf(gpu_uuid, driver, options.folder ?? stateFolder()), "utf8");
    const found = ceilingsOf(JSON.parse(text));
    return found?.gpu_uuid === gpu_uuid && found.driver === driver ? found : null;
  } catch {
    return null;
  }
}

function ceilingsOf(value: unknown): Ceilings | null {
  if (typeof value !== "object" || value === null) return null;
  const { gpu_uuid, gpu_name, driver, simulated, measured_utc, figures } = value as Record<string, unknown>;
  const texts = [gpu_uuid, gpu_name, driver, measured_utc];
  if (!texts.every((text) => typeof text === "string") || simulated !== false) return null;
  if (typeof figures !== "object" || figures === null) return null;
  const known = figures as Record<string, unknown>;
  const read = {} as Record<CeilingName, Ceiling>;
  for (const name of Object.keys(ceilingUnits) as CeilingName[]) {
    const figure = ceilingOf(known[name]);
    if (figure === null) return null;
    read[name] = figure;
  }
  return { ...(value as Ceilings), figures: read };
}

function ceilingOf(value: unknown): Ceiling | null {
  if (typeof value !== "object" || value === null) return null;
  const { value: figure, why } = value as Record<string, unknown>;
  if (typeof figure === "number" && Number.isFinite(figure) && figure > 0) return { value: figure, why: null };
  return figure === null && typeof why === "string" ? { value: null, why } : null;
}
