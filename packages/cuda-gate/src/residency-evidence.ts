import { MIN_USED_MEMORY_MIB } from "./residency.js";
import { type GateVerdict, verdictOf } from "./verdict.js";

/**
 * How a process was looked for on a GPU: from inside (`in_process`: its context, its pointers, the memory that its
 * allocation took), by the driver's list of processes (`nvml`), or by the text of nvidia-smi.
 */
export type ResidencyMethod = "in_process" | "nvml" | "nvidia_smi";

/**
 * How much weight an answer has. `high`: the driver answered about this process and this GPU. `medium`: about a process
 * that the kernel says is this one, or from inside without one of the three facts. `low`: by text, or without saying
 * which process. `none`: there was no answer.
 */
export type Confidence = "high" | "medium" | "low" | "none";

/** What one method says: `resident`, `absent`, or `unknown` where it could not look. */
export interface ResidencyEvidence {
  readonly method: ResidencyMethod;
  readonly outcome: "resident" | "absent" | "unknown";
  readonly confidence: Confidence;
  /** The GPU memory of the process by this method; null where it does not say. */
  readonly used_bytes: number | null;
  /** The facts behind it, or why there are none. */
  readonly why: string;
}

/** What all methods together say. */
export interface ResidencyProof {
  /** INV-GPUTRAIN-003, fail-closed: what nobody could look at has not been shown. */
  readonly verdict: GateVerdict;
  /** The evidence that decided; null where none could. */
  readonly decided_by: ResidencyMethod | null;
  readonly confidence: Confidence;
  /** Whether two methods contradict each other; the more confident one decides, and a tie fails. */
  readonly contradicted: boolean;
  readonly evidence: readonly ResidencyEvidence[];
}

const weight: Readonly<Record<Confidence, number>> = { none: 0, low: 1, medium: 2, high: 3 };

/**
 * INV-GPUTRAIN-003 from the evidence of several methods. The most confident answer decides; of equally confident ones
 * `absent` does. A method that could not look takes no part.
 */
export function residencyProof(evidence: readonly ResidencyEvidence[]): ResidencyProof {
  const answers = evidence.filter(({ outcome, confidence }) => outcome !== "unknown" && confidence !== "none");
  const doubt = ({ outcome }: ResidencyEvidence): number => (outcome === "absent" ? 0 : 1);
  const [best] = [...answers].sort((a, b) => weight[b.confidence] - weight[a.confidence] || doubt(a) - doubt(b));
  return {
    verdict: verdictOf(best?.outcome === "resident"),
    decided_by: best?.method ?? null,
    confidence: best?.confidence ?? "none",
    contradicted: new Set(answers.map(({ outcome }) => outcome)).size > 1,
    evidence,
  };
}

/** The line that a run keeps of its residency proof. */
export interface ResidencyRecord {
  readonly pid: number;
  readonly device_index: number;
  readonly used_memory_mib: number;
  readonly sampled_at_step: 0;
}

/** The record of a proof, as one line of JSON has it; null where less than 1 MiB was seen, which is no proof. */
export function residencyRecord(pid: number, device_index: number, used_bytes: number): ResidencyRecord | null {
  const used_memory_mib = Math.floor(used_bytes / 2 ** 20);
  return used_memory_mib >= MIN_USED_MEMORY_MIB ? { pid, device_index, used_memory_mib, sampled_at_step: 0 } : null;
}
