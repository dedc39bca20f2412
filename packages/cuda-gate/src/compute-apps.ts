/** One row of `nvidia-smi --query-compute-apps=pid,used_memory --format=csv,noheader,nounits`. */
export interface ComputeApp {
  readonly pid: number;
  readonly used_memory_mib: bigint;
}

/** What reading the rows gives: all of them, or the first line that is none. */
export type ComputeAppsRead =
  | { readonly status: "ok"; readonly rows: readonly ComputeApp[] }
  | { readonly status: "invalid"; readonly line: number; readonly found: string; readonly message: string };

const MAX_PID = 4_294_967_295n;
const MAX_MIB = 18_446_744_073_709_551_615n;
/** The longest piece of a line that is repeated in a message. */
const SHOWN = 80;

/**
 * Reads the answer of nvidia-smi strictly (INV-GPUTRAIN-003): every line that is not empty is digits, a comma, one
 * blank, digits, within 32 and 64 bits. One line that is anything else (`[N/A]`, a missing field, an overflow) makes the
 * whole answer unusable: an answer that is partly not understood proves nothing.
 *
 * @example
 * parseComputeApps("12345, 5000\n"); // { status: "ok", rows: [{ pid: 12345, used_memory_mib: 5000n }] }
 */
export function parseComputeApps(text: string): ComputeAppsRead {
  const rows: ComputeApp[] = [];
  for (const [index, line] of text.split(/\r?\n/u).entries()) {
    if (line === "") continue;
    const [, pidText, memoryText] = /^(\d+), (\d+)$/u.exec(line) ?? [];
    const pid = unsigned(pidText, MAX_PID);
    const used_memory_mib = unsigned(memoryText, MAX_MIB);
    if (pid === null || used_memory_mib === null) {
      const found = line.slice(0, SHOWN);
      const message = `line ${index + 1}: expected "<pid>, <used memory in MiB>" in digits, found ${JSON.stringify(found)}`;
      return { status: "invalid", line: index + 1, found, message };
    }
    rows.push({ pid: Number(pid), used_memory_mib });
  }
  return { status: "ok", rows };
}

/** Digits as a number of at most `max`; the digits of a longer one are not converted, which takes time for millions. */
function unsigned(digits: string | undefined, max: bigint): bigint | null {
  const significant = digits?.replace(/^0+(?=\d)/u, "");
  if (significant === undefined || significant.length > String(max).length) return null;
  const value = BigInt(significant);
  return value <= max ? value : null;
}

/** One row of `nvidia-smi --query-compute-apps=pid,process_name,used_memory --format=csv`. */
export interface NamedComputeApp {
  readonly pid: number;
  readonly process_name: string;
  readonly used_memory_mib: number;
}

/** One row of `nvidia-smi --query-gpu=timestamp,memory.used,memory.free,utilization.gpu --format=csv`. */
export interface GpuMemorySample {
  readonly timestamp: string;
  readonly used_mib: number;
  readonly free_mib: number;
  readonly utilisation_pct: number;
}

/**
 * The rows of named compute apps that can be understood; a heading and every other row are left out. A process whose
 * name has a comma is among the rows that are lost, which is one reason why the strict reader has no name.
 */
export function readNamedComputeApps(text: string): readonly NamedComputeApp[] {
  return csvRows(text).flatMap((columns) => {
    const [pidText, process_name, usedText] = columns;
    if (columns.length !== 3 || pidText?.toLowerCase() === "pid") return [];
    const pid = count(pidText, "");
    const used_memory_mib = count(usedText, "MiB");
    return pid === null || used_memory_mib === null || process_name === undefined
      ? []
      : [{ pid, process_name, used_memory_mib }];
  });
}

/** The rows of memory samples that can be understood, with or without the units; every other row is left out. */
export function readGpuMemorySamples(text: string): readonly GpuMemorySample[] {
  return csvRows(text).flatMap((columns) => {
    const [timestamp, used, free, utilisation] = columns;
    const used_mib = count(used, "MiB");
    const free_mib = count(free, "MiB");
    const utilisation_pct = count(utilisation, "%");
    if (columns.length !== 4 || timestamp === undefined) return [];
    return used_mib === null || free_mib === null || utilisation_pct === null
      ? []
      : [{ timestamp, used_mib, free_mib, utilisation_pct }];
  });
}

function csvRows(text: string): readonly (readonly string[])[] {
  return text.split(/\r?\n/u).map((line) => line.split(",").map((column) => column.trim()));
}

/** A count with or without its unit; null for anything else, and for what no exact number holds. */
function count(text: string | undefined, unit: string): number | null {
  const bare = unit !== "" && text?.endsWith(unit) === true ? text.slice(0, -unit.length).trimEnd() : text;
  if (bare === undefined || !/^\d{1,16}$/u.test(bare)) return null;
  const value = Number(bare);
  return Number.isSafeInteger(value) ? value : null;
}
