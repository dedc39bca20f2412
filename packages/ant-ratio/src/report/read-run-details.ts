import { measuredSamples } from "@vrx/objective-contract";
import { readRun, recheckRun } from "@vrx/objective-contract/node";
import type { RunDetails } from "./report-model.js";

/**
 * What a report shows of the run directory behind a packet: the time of each measured step, and the gates as they are judged
 * again from the samples. Null where there is no run to read: a report is made without it then.
 */
export async function readRunDetails(dir: string): Promise<RunDetails | null> {
  const run = await readRun(dir);
  if (run.status === "invalid") return null;
  const { verdict } = await recheckRun(dir);
  const { header, samples } = run.record;
  return {
    times_s: measuredSamples(samples).map(({ time_s }) => (Number.isFinite(time_s) ? time_s : null)),
    gates: verdict.gates.map(({ gate, outcome, value, limit, unit, reason }) => ({
      gate,
      outcome,
      value,
      limit,
      unit,
      reason,
    })),
    verdict: verdict.status,
    facts: {
      contract: verdict.contract,
      evidence: verdict.evidence.level,
      engine: header.engine,
      warmup_steps: header.warmup_steps,
      measure_steps: header.measure_steps,
    },
  };
}
