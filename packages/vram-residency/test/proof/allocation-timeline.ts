import type { AuditEvent, AuditSink } from "../../src/audit-event.js";
import { type ProofBundle, openProofBundle } from "../../src/proof-bundle.js";

/** The bundle of this run; null where `LLORCH_PROOF_DIR` asks for none. */
export function bundleOfThisRun(type: "unit" | "integration"): ProofBundle | null {
  return process.env["LLORCH_PROOF_DIR"] === undefined ? null : openProofBundle({ type, mode: "simulated" });
}

const TIMELINE: ReadonlySet<AuditEvent["event_type"]> = new Set([
  "VramAllocated",
  "VramAllocationFailed",
  "VramDeallocated",
  "VramDeallocationFailed",
]);

/** Options of a manager whose allocations go into the bundle's timeline, and all events where they went before. */
export function withTimeline<T extends { readonly audit?: AuditSink }>(options: T, bundle: ProofBundle | null): T {
  if (bundle === null) return options;
  const { audit } = options;
  const began = performance.now();
  const sink: AuditSink = {
    emit(event, correlation_id) {
      if (TIMELINE.has(event.event_type)) {
        bundle.append("allocations", { at_ms: Math.round(performance.now() - began), ...event });
      }
      audit?.emit(event, correlation_id);
    },
    get emit_failures() {
      return audit?.emit_failures ?? 0;
    },
    get critical_emit_failures() {
      return audit?.critical_emit_failures ?? 0;
    },
    flush: () => audit?.flush(),
    close: () => audit?.close(),
  };
  return { ...options, audit: sink };
}
