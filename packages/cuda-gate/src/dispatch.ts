import { type GateVerdict, verdictOf } from "./verdict.js";

/** The classes of INV-GPUTRAIN-004, spelt exactly so. */
export const DISPATCH_CLASSES = ["Cpu", "Cuda"] as const;

/** INV-GPUTRAIN-004: pass iff what was dispatched is what was asked for, and both are one of the two classes. */
export function dispatchVerdict(requested: string, dispatched: string): GateVerdict {
  return verdictOf(DISPATCH_CLASSES.some((known) => known === requested && known === dispatched));
}
