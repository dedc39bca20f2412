import { type Diagnosis, type Expectation, diagnose } from "./diagnose.js";
import { type NamedDevice } from "./device-source.js";
import { type DeviceSelector, deviceTag, parseDeviceSelector } from "./device-spec.js";
import { dispatchVerdict } from "./dispatch.js";
import type { GpuReport } from "./gpu-report.js";
import type { ResidencyProof } from "./residency-evidence.js";
import { type Resolution, resolveDevice } from "./resolve-device.js";
import type { GateVerdict } from "./verdict.js";
import { verdictFromVersionJsonFields, verdictFromVersionJsonKeys } from "./version-report.js";

/** One rule of the family and what it says of a host. */
export interface HostGateRow {
  readonly invariant: `INV-GPUTRAIN-00${1 | 2 | 3 | 4 | 5 | 6 | 7}`;
  readonly rule: string;
  /** `not_run` where this host, or a host alone, gives the rule nothing to look at. */
  readonly verdict: GateVerdict | "not_run";
  /** Whether it decides the status. */
  readonly decides: boolean;
  readonly why: string;
}

/** What is known when a host is gated. */
export interface HostGateInput {
  readonly report: GpuReport;
  readonly expectation: Expectation;
  readonly device: NamedDevice;
  /** The proof that a process can be on the GPU; null where none was made. */
  readonly residency: ResidencyProof | null;
}

/** What the family says of a host before anything is trained on it. */
export interface HostGate {
  /** `inconclusive`: nothing failed, and what was seen is not enough (a driver that does not answer, a simulated GPU). */
  readonly status: "pass" | "fail" | "inconclusive";
  readonly reasons: readonly string[];
  readonly rows: readonly HostGateRow[];
  readonly resolution: Resolution | null;
  readonly diagnosis: Diagnosis;
}

/**
 * Applies the family to a host. INV-007 is always among the rows and decides only where CUDA is expected: a build with
 * CUDA on a CPU host fails its shape gate by design, and is still a CPU host. What happens on a simulated GPU never
 * passes.
 *
 * @example
 * gateHost({ report, expectation: "cpu", device: namedDevice({}), residency: null }).status; // "pass" on a laptop
 */
export function gateHost({ report, expectation, device, residency }: HostGateInput): HostGate {
  const diagnosis = diagnose(report, expectation);
  const read = parseDeviceSelector(device.spec);
  const resolution = read.status === "ok" ? resolveDevice(read.device, report) : null;
  const rows: HostGateRow[] = [
    {
      invariant: "INV-GPUTRAIN-001",
      rule: "the device is a word of the grammar, or a UUID",
      verdict: read.status === "ok" ? "pass" : "fail",
      decides: true,
      why: read.status === "ok" ? `${device.spec}, by ${device.source}` : read.message,
    },
    resolutionRow(resolution),
    residencyRow(resolution, residency, report.simulated),
    dispatchRow(read.status === "ok" ? read.device : null, resolution),
    ofTraining("INV-GPUTRAIN-005", "the median step stays within its budget", "stepTimeVerdict"),
    ofTraining("INV-GPUTRAIN-006", "one seed on one device gives one trajectory", "lossTrajectoryVerdict"),
    ...versionRows(report, expectation),
  ];
  const reasons = rows.flatMap(({ verdict, decides, invariant, why }) =>
    verdict === "fail" && decides ? [why.includes(invariant) ? why : `${invariant}: ${why}`] : [],
  );
  if (!diagnosis.meets_expectation) {
    reasons.push(`expected ${expectation}, the host is ${diagnosis.state}`);
  }
  if (reasons.length > 0) return { status: "fail", reasons, rows, resolution, diagnosis };
  if (diagnosis.conclusive) return { status: "pass", reasons, rows, resolution, diagnosis };
  const why = report.simulated ? "the GPU is simulated, which proves nothing of hardware" : "the driver did not answer";
  return { status: "inconclusive", reasons: [why], rows, resolution, diagnosis };
}

function resolutionRow(resolution: Resolution | null): HostGateRow {
  const row = {
    invariant: "INV-GPUTRAIN-002",
    rule: "no GPU that was asked for becomes the CPU",
    decides: true,
  } as const;
  if (resolution === null) return { ...row, verdict: "not_run", why: "no device was named" };
  if (resolution.status === "unavailable") return { ...row, verdict: "fail", why: resolution.message };
  const { device, uuid, warning } = resolution;
  return { ...row, verdict: "pass", why: warning ?? `${deviceTag(device)}${uuid === null ? "" : ` ${uuid}`}` };
}

function residencyRow(resolution: Resolution | null, proof: ResidencyProof | null, simulated: boolean): HostGateRow {
  const row = { invariant: "INV-GPUTRAIN-003", rule: "a process is shown to be on the GPU", decides: true } as const;
  const onGpu = resolution?.status === "ok" && resolution.device.kind === "cuda";
  if (!onGpu) return { ...row, verdict: "not_run", why: "nothing is to run on a GPU" };
  if (simulated) return { ...row, verdict: "not_run", why: "a simulated GPU shows nothing" };
  if (proof === null) return { ...row, verdict: "fail", why: "no proof was made" };
  const { verdict, decided_by, confidence, evidence } = proof;
  const deciding = evidence.find(({ method }) => method === decided_by);
  const why =
    deciding === undefined
      ? evidence.map((item) => `${item.method}: ${item.why}`).join("; ")
      : `by ${deciding.method}, ${confidence} confidence: ${deciding.why}`;
  return { ...row, verdict, why };
}

function dispatchRow(asked: DeviceSelector | null, resolution: Resolution | null): HostGateRow {
  const row = {
    invariant: "INV-GPUTRAIN-004",
    rule: "what is dispatched is what was asked for",
    decides: true,
  } as const;
  if (asked === null || resolution?.status !== "ok")
    return { ...row, verdict: "not_run", why: "no device was resolved" };
  const dispatched = resolution.device.kind === "cpu" ? "Cpu" : "Cuda";
  const requested = asked.kind === "auto" ? dispatched : asked.kind === "cpu" ? "Cpu" : "Cuda";
  return { ...row, verdict: dispatchVerdict(requested, dispatched), why: `asked for ${requested}, got ${dispatched}` };
}

function ofTraining(invariant: HostGateRow["invariant"], rule: string, name: string): HostGateRow {
  return { invariant, rule, verdict: "not_run", decides: false, why: `needs the records of a training run (${name})` };
}

function versionRows(report: GpuReport, expectation: Expectation): readonly HostGateRow[] {
  const row = { invariant: "INV-GPUTRAIN-007", decides: expectation === "cuda" } as const;
  const { cuda_feature, cuda_runtime_available, visible_devices } = report;
  const facts = `built ${String(cuda_feature)}, available ${String(cuda_runtime_available)}, ${visible_devices.length} devices`;
  return [
    {
      ...row,
      rule: "the version report has its three keys",
      verdict: verdictFromVersionJsonKeys(Object.keys(report)),
      why: "cuda_feature, cuda_runtime_available, visible_devices",
    },
    {
      ...row,
      rule: "the version report claims no CUDA that is not there",
      verdict: verdictFromVersionJsonFields(report),
      why: facts,
    },
  ];
}
