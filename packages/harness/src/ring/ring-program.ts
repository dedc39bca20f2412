// The ring as a program of its own, so that whoever measures it outlives it. Speaks the protocol of docs/any-program.md;
// the one argument is a RingProgramInput as JSON.
import { readFileSync } from "node:fs";
import { type EngineKind, type EngineOptions, createEngine } from "@vrx/ring-engine";
import { parseWorkloadSpec, toSafeInts } from "@vrx/workload-schema";
import { openSamples } from "../command/samples-writer.js";
import { exceptionOf } from "../stop-reason.js";
import { skippedUpdatesLine } from "./skipped-updates.js";
import { executedBy, ringDevice } from "./ring-device.js";
import { type RingWorkloadOptions, gpuFacts, peaksOf, ringReport } from "./ring-workload.js";

/** What the program is told beside the variables every program gets. */
export interface RingProgramInput {
  readonly engine: EngineKind;
  readonly engine_options: EngineOptions;
  readonly options: RingWorkloadOptions;
}

// The parent is the only one who calls this, with what it has checked.
const parseInput: (text: string) => RingProgramInput = JSON.parse;
const input = parseInput(process.argv[2] ?? "");

const integer = (name: string): number => Number(process.env[name]);

async function main(): Promise<void> {
  const read = toSafeInts(parseWorkloadSpec(readFileSync(process.env["VRX_SPEC_FILE"] ?? "", "utf8")));
  if (read.status === "invalid") throw new Error(read.issues.map(({ message }) => message).join("; "));
  const samples = openSamples();
  const rss_before_bytes = process.memoryUsage.rss();
  const engine = await createEngine(input.engine, input.engine_options);
  const options = { ...input.options, expert_heads: integer("VRX_EXPERT_HEADS") };
  const device = ringDevice(engine);
  const session = await engine.prepare(read.spec, options, { seed: integer("VRX_SEED") }).catch((error: unknown) => {
    const peaks = peaksOf(error);
    if (peaks !== null) samples.hello({ device, ...gpuFacts(engine), extras: { ...peaks, rss_before_bytes } });
    throw error;
  });
  samples.hello({
    executed: executedBy(session),
    device,
    ...gpuFacts(engine),
    extras: { held_bytes: session.memory.held_bytes, rss_before_bytes },
  });
  let skipped_updates = 0;
  for await (const sample of session.steps(integer("VRX_WARMUP_STEPS") + integer("VRX_MEASURE_STEPS"))) {
    samples.step({ ...ringReport(sample), rss_bytes: process.memoryUsage.rss() });
    skipped_updates = sample.loss_scaling?.skipped_updates ?? 0;
  }
  process.stderr.write(skippedUpdatesLine(skipped_updates));
  session.dispose();
}

main().catch((error: unknown) => {
  // EPIPE: whoever measured is gone, and with it the reason to go on.
  const { type, message } = exceptionOf(error);
  process.stderr.write(`${type}: ${message}\n`);
  process.exitCode = 1;
});
