import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type JsonObject, type JsonValue, isJsonObject } from "@vrx/objective-contract";
import type { Engine } from "@vrx/ring-engine";
import { commandWorkload } from "../command/command-workload.js";
import { HarnessError } from "../errors.js";
import type { StepReport, Workload, WorkloadSession } from "../workload.js";
import { ringDevice, stepTimeMode, watchedRing } from "./ring-device.js";
import { ringMemory } from "./ring-memory.js";
import { skippedUpdatesIn } from "./skipped-updates.js";
import type { RingProgramInput } from "./ring-program.js";
import { type RingWorkloadOptions, describeRing, predictRing } from "./ring-workload.js";

/**
 * The ring as a workload, executed by the same engine in a process of its own: this process stays responsive
 * even under the reference engine, and when the other one is killed the run still ends with a verdict. The
 * run's identity and losses are those of `ringWorkload`.
 */
export function ringProcess(engine: Engine, options: RingWorkloadOptions = {}): Workload {
  const input: RingProgramInput = { engine: engine.kind, engine_options: engine.options, options };
  return watchedRing(engine, {
    name: "ring",
    describe: (request) => describeRing(engine, options, request),
    async prepare(request, signal) {
      const { total_bytes } = predictRing(engine, options, request);
      const program = commandWorkload({ argv: [process.execPath, programFile(), JSON.stringify(input)] });
      return withMemory(await program.prepare(request, signal), total_bytes, engine);
    },
  });
}

/** Beside what a build makes, wherever this module itself has ended up. */
function programFile(): string {
  const file = join(
    dirname(createRequire(import.meta.url).resolve("@vrx/harness/package.json")),
    "dist/ring-program.js",
  );
  if (existsSync(file)) return file;
  throw new HarnessError(
    "unsupported",
    `expected the built program of the ring at ${file}, found none: build @vrx/harness`,
  );
}

/** The session of the program, which says of itself what the engine would, with its memory put beside the prediction. */
function withMemory(session: WorkloadSession, predicted_bytes: number, engine: Engine): WorkloadSession {
  let rss_peak_bytes: number | null = null;
  async function* steps(): AsyncGenerator<StepReport, void, undefined> {
    for await (const report of session.steps()) {
      if (typeof report.rss_bytes === "number") rss_peak_bytes = Math.max(rss_peak_bytes ?? 0, report.rss_bytes);
      yield report;
    }
  }
  /** Said last, so only a program that ran to its end has said it. */
  const skippedUpdates = ({ program = null }: JsonObject): number | null =>
    isJsonObject(program) && program["exit_code"] === 0 ? skippedUpdatesIn(session.log?.() ?? "") : null;
  return {
    ...session,
    steps,
    facts() {
      const { extras: { hello = null, ...extras } = {}, ...facts } = session.facts?.() ?? {};
      const said = isJsonObject(hello) ? hello : {};
      const memory = ringMemory({
        predicted_bytes,
        held_bytes: bytesIn(said["held_bytes"]),
        rss_before_bytes: bytesIn(said["rss_before_bytes"]),
        rss_peak_bytes,
      });
      return {
        ...facts,
        // A name alone does not say whether the device is a real one.
        device: ringDevice(engine),
        step_time_mode: stepTimeMode(engine),
        peak_vram_reserved_bytes: bytesIn(said["peak_vram_reserved_bytes"]),
        peak_vram_allocated_bytes: bytesIn(said["peak_vram_allocated_bytes"]),
        extras: {
          ...extras,
          ...(facts.executed?.precision === "fp16"
            ? { loss_scaling: { skipped_updates: skippedUpdates(extras) } }
            : {}),
          memory,
        },
      };
    },
  };
}

function bytesIn(value: JsonValue | undefined): number | null {
  return typeof value === "number" ? value : null;
}
