import { setTimeout as delay } from "node:timers/promises";
import { type Device, type DeviceBuffer, isCudaError, openNvml } from "@vrx/native-cuda";
import { parseComputeApps } from "../compute-apps.js";
import { POLL_WINDOW_SECONDS } from "../residency.js";
import { type ResidencyEvidence, type ResidencyProof, residencyProof } from "../residency-evidence.js";
import { findListed } from "./internal/listed-process.js";
import { type ProcessNumbers, processNumbers } from "./internal/process-numbers.js";
import { runTool } from "./internal/run-tool.js";

/** What `gatherResidencyEvidence` takes. */
export interface ResidencyOptions {
  /** The GPU that the process should be on. */
  readonly device: Device;
  /** This process by default; of another one only the driver and nvidia-smi can say something. */
  readonly pid?: number;
  /** Memory of this process that must be on the GPU, such as weights and the optimizer's state. */
  readonly buffers?: readonly DeviceBuffer[];
  /** How long the driver's list is looked at until the process is in it; 5,000 ms by default (INV-GPUTRAIN-003). */
  readonly window_ms?: number;
  readonly signal?: AbortSignal;
}

/** A proof, of which process and GPU it is, and whether the GPU is a stand-in. */
export interface GatheredResidency extends ResidencyProof {
  readonly pid: number;
  readonly device_uuid: string;
  /** On a simulated GPU the verdict is `fail`, whatever the evidence: it says nothing of hardware. */
  readonly simulated: boolean;
}

/** What is allocated for a moment to see the driver take it from the GPU: more than the grain of any allocator. */
const PROBE_BYTES = 16 * 2 ** 20;
const POLL_MS = 100;

/**
 * Shows that a process is on a GPU, also where nvidia-smi cannot: from inside (a context on that UUID, what the driver
 * says of the pointers, memory that an allocation takes), then by NVML's processes, mapped through PID namespaces, then
 * by nvidia-smi's text. Each says with what confidence; `residencyProof` weighs them. What cannot be looked at is
 * `unknown` with the reason and never a pass. Rejects with the signal's reason when aborted.
 *
 * @example
 * const { verdict, decided_by } = await gatherResidencyEvidence({ device: await openDevice(0) });
 */
export async function gatherResidencyEvidence(options: ResidencyOptions): Promise<GatheredResidency> {
  const { device, pid = process.pid, buffers = [], window_ms = POLL_WINDOW_SECONDS * 1000, signal } = options;
  signal?.throwIfAborted();
  const numbers = processNumbers(pid);
  const evidence: ResidencyEvidence[] = [];
  // The context and some memory in it stay until the lists were read: without them this process is on no GPU.
  const held: { dispose(): void }[] = [];
  try {
    evidence.push(
      pid === process.pid
        ? await fromInside(device, buffers, held)
        : unknown("in_process", `process ${pid} is not this one`),
    );
    evidence.push(await byNvml(device, numbers, window_ms, signal));
    evidence.push(await bySmi(device, numbers, signal));
  } finally {
    for (const resource of held.reverse()) resource.dispose();
  }
  const proof = residencyProof(evidence);
  const { simulated, uuid } = device;
  return { ...proof, verdict: simulated ? "fail" : proof.verdict, pid, device_uuid: uuid, simulated };
}

type Attempt<T> = { readonly status: "ok"; readonly value: T } | { readonly status: "failed"; readonly why: string };

/** What the driver refuses is evidence; what is wrong with the call is the caller's. */
async function attempt<T>(act: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { status: "ok", value: await act() };
  } catch (error) {
    if (!isCudaError(error) || error.code === "invalid_argument" || error.code === "disposed") throw error;
    return { status: "failed", why: error.message };
  }
}

function unknown(method: ResidencyEvidence["method"], why: string): ResidencyEvidence {
  return { method, outcome: "unknown", confidence: "none", used_bytes: null, why };
}

function absent(why: string): ResidencyEvidence {
  return { method: "in_process", outcome: "absent", confidence: "high", used_bytes: null, why };
}

/** The three facts that only the process itself can find out; what it holds meanwhile is added to `held`. */
async function fromInside(
  device: Device,
  buffers: readonly DeviceBuffer[],
  held: { dispose(): void }[],
): Promise<ResidencyEvidence> {
  const opened = await attempt(() => device.openContext());
  if (opened.status === "failed") return absent(opened.why);
  const context = opened.value;
  held.push(context);
  if (context.device.uuid !== device.uuid) return absent(`the context is on ${context.device.uuid}`);
  const looked = await attempt(async () => {
    const before = context.memoryInfo().free_bytes;
    const probe = probeBuffer(context);
    if (probe !== null) held.push(probe);
    await context.synchronize();
    return lookAt(device, buffers, probe, before - context.memoryInfo().free_bytes);
  });
  return looked.status === "ok" ? looked.value : absent(looked.why);
}

function lookAt(
  device: Device,
  buffers: readonly DeviceBuffer[],
  probe: DeviceBuffer | null,
  taken: number,
): ResidencyEvidence {
  const all = probe === null ? buffers : [...buffers, probe];
  const elsewhere = all.find((buffer) => !isOn(buffer, device));
  if (elsewhere !== undefined) {
    const { memory_type, device_ordinal } = elsewhere.facts();
    const where = `${memory_type ?? "unknown"} memory of device ${device_ordinal ?? "unknown"}`;
    return absent(`${elsewhere.label ?? "a buffer"} is in ${where}, expected device ${device.ordinal}`);
  }
  if (all.length === 0) return unknown("in_process", "the GPU has no memory left to try with");
  const used_bytes = all.reduce((sum, { bytes }) => sum + bytes, 0);
  const facts = `a context on ${device.uuid}, ${all.length} allocations there by the driver's word`;
  const resident = { method: "in_process", outcome: "resident", used_bytes } as const;
  if (probe !== null && taken >= PROBE_BYTES) {
    const why = `${facts}, and ${PROBE_BYTES} bytes took ${taken} of the GPU's memory`;
    return { ...resident, confidence: "high", why };
  }
  // Others may free memory at the same moment, which hides ours; a full GPU has none to take.
  const why = probe === null ? "no memory is left to take" : `${PROBE_BYTES} bytes took ${taken} of the GPU's memory`;
  return { ...resident, confidence: "medium", why: `${facts}; ${why}` };
}

/** Null where memory is exhausted, which says nothing of what is there already. */
function probeBuffer(context: Awaited<ReturnType<Device["openContext"]>>): DeviceBuffer | null {
  try {
    return context.alloc(PROBE_BYTES, { label: "residency probe" });
  } catch (error) {
    if (isCudaError(error) && (error.code === "out_of_memory" || error.code === "limit_exceeded")) return null;
    throw error;
  }
}

function isOn(buffer: DeviceBuffer, device: Device): boolean {
  const { memory_type, device_ordinal, managed } = buffer.facts();
  return memory_type === "device" && device_ordinal === device.ordinal && managed !== true;
}

async function byNvml(
  device: Device,
  numbers: ProcessNumbers,
  window_ms: number,
  signal: AbortSignal | undefined,
): Promise<ResidencyEvidence> {
  const opened = await openNvml(device.simulated ? { library: device.driver.file } : {});
  if (opened.status === "unavailable") return unknown("nvml", opened.message);
  const deadline_ms = performance.now() + window_ms;
  for (;;) {
    const listed = await attempt(() => opened.nvml.computeProcesses(device.uuid));
    if (listed.status === "failed") return unknown("nvml", listed.why);
    if (listed.value === null) return unknown("nvml", "NVML does not tell which processes are on the GPU");
    const found = findListed("nvml", listed.value, numbers, "high");
    if (found.outcome === "resident" || performance.now() + POLL_MS > deadline_ms) return found;
    await delay(POLL_MS, undefined, signal === undefined ? {} : { signal });
  }
}

async function bySmi(
  device: Device,
  numbers: ProcessNumbers,
  signal: AbortSignal | undefined,
): Promise<ResidencyEvidence> {
  if (device.simulated) return unknown("nvidia_smi", "nvidia-smi knows no simulated GPU");
  const answer = await runTool(
    "nvidia-smi",
    [`--id=${device.uuid}`, "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"],
    { timeout_ms: POLL_WINDOW_SECONDS * 1000, signal },
  );
  if (answer.status === "failed") return unknown("nvidia_smi", answer.why);
  const read = parseComputeApps(answer.stdout);
  if (read.status === "invalid") return unknown("nvidia_smi", `its answer is not understood: ${read.message}`);
  const rows = read.rows.map(({ pid, used_memory_mib }) => ({ pid, used_bytes: Number(used_memory_mib) * 2 ** 20 }));
  return findListed("nvidia_smi", rows, numbers, "medium");
}
