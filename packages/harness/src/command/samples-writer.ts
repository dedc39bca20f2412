import { writeSync } from "node:fs";
import type { StepReport, WorkloadFacts } from "../workload.js";

/** The program's end of the protocol of `commandWorkload`, for programs in TypeScript. */
export interface SamplesWriter {
  /** Once, right before the first step. */
  hello(facts: Omit<WorkloadFacts, "step_time_mode">): void;
  /** Once after each step, warm-up included. */
  step(report: StepReport): void;
}

// How long a full pipe is left alone before the next try.
const pause_ms = 5;

/**
 * Writes samples to the descriptor that `env.VRX_SAMPLES_FD` names; without that variable the calls do nothing. Each
 * line is handed over before the call returns. Throws a system error (`EPIPE`) when nobody reads any more.
 */
export function openSamples(env: Readonly<Record<string, string | undefined>> = process.env): SamplesWriter {
  const name = env["VRX_SAMPLES_FD"];
  if (name === undefined) return { hello: () => undefined, step: () => undefined };
  const descriptor = Number(name);
  let count = 0;
  const write = (line: unknown): void =>
    writeAll(descriptor, Buffer.from(`${JSON.stringify(line, nonFiniteAsWord)}\n`));
  return {
    hello: ({ executed, device, extras, ...facts }) =>
      write({
        hello: {
          ...extras,
          ...facts,
          executed_precision: executed?.precision ?? null,
          amp: executed?.amp ?? null,
          device: device?.name ?? null,
        },
      }),
    step: (report) => write({ step: count++, ...report }),
  };
}

/** JSON has no number for them, and null would mean that the loss is not known. */
function nonFiniteAsWord(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause_ms);
    }
  }
}
