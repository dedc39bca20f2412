import type { ReportedDevice } from "../../gpu-report.js";
import { runTool } from "./run-tool.js";

const columns = ["index", "uuid", "memory.total", "compute_cap", "pci.bus_id", "driver_version", "name"] as const;

/** What nvidia-smi lists. */
export type NvidiaSmiAnswer =
  | { readonly status: "ok"; readonly devices: readonly ReportedDevice[]; readonly driver_version: string | null }
  | { readonly status: "failed"; readonly why: string };

/**
 * The GPUs by the text of nvidia-smi, for a host where nothing else can ask. They are counted as NVML does, which is not
 * the CUDA driver's order, and CUDA_VISIBLE_DEVICES hides none of them.
 */
export async function askNvidiaSmi(timeout_ms: number, signal: AbortSignal | undefined): Promise<NvidiaSmiAnswer> {
  const args = [`--query-gpu=${columns.join(",")}`, "--format=csv,noheader,nounits"];
  const answer = await runTool("nvidia-smi", args, { timeout_ms, signal });
  if (answer.status === "failed") return answer;
  const lines = answer.stdout.split(/\r?\n/u).filter((line) => line.trim() !== "");
  const rows = lines.map((line) => line.split(",").map((cell) => cell.trim()));
  const devices = rows.map(([, uuid, mib, capability, pci, , ...name], ordinal): ReportedDevice => {
    const total_mib = /^\d{1,9}$/u.test(mib ?? "") ? Number(mib) : null;
    return {
      ordinal,
      // The name comes last: it alone may have a comma.
      name: known(name.join(", ")) ?? "(unknown)",
      uuid: known(uuid),
      pci_bus_id: known(pci)?.toLowerCase() ?? null,
      compute_capability: known(capability),
      total_bytes: total_mib === null ? null : total_mib * 2 ** 20,
      total_mib,
      free_bytes: null,
      mig: null,
      integrated: null,
      health: null,
    };
  });
  return { status: "ok", devices, driver_version: known(rows[0]?.[5]) };
}

/** nvidia-smi writes what it does not know in brackets: `[N/A]`, `[Not Supported]`. */
function known(text: string | undefined): string | null {
  return text === undefined || text === "" || /^\[.*\]$/u.test(text) ? null : text;
}
