import { type FieldIssue, Fields } from "./internal/fields.js";
import type { JsonObject } from "./json.js";
import { precisions } from "./precision.js";
import { readDevice } from "./run-device.js";
import { stepTimeModes } from "./run-header.js";
import type { GpuConditions, RunOutcome } from "./run-outcome.js";

/** What reading a run's outcome gives. */
export type ReadOutcome =
  | { readonly status: "ok"; readonly outcome: RunOutcome }
  | { readonly status: "invalid"; readonly issues: readonly FieldIssue[] };

/** An outcome as `metrics.json` carries it, under `outcome`. */
export function outcomeDocument(outcome: RunOutcome): JsonObject {
  const { exception, executed, stall, device, gpu } = outcome;
  return {
    status: outcome.status,
    stop_reason: outcome.stop_reason,
    exception: exception === null ? null : { type: exception.type, message: exception.message },
    executed: executed === null ? null : { precision: executed.precision, amp: executed.amp },
    device: device === null ? null : { kind: device.kind, name: device.name, simulated: device.simulated },
    step_time_mode: outcome.step_time_mode,
    peak_vram_reserved_bytes: outcome.peak_vram_reserved_bytes,
    peak_vram_allocated_bytes: outcome.peak_vram_allocated_bytes,
    vram_stats_error: outcome.vram_stats_error,
    set_up_s: outcome.set_up_s,
    stall:
      stall === null
        ? null
        : { threshold_s: stall.threshold_s, last_progress_age_s: stall.last_progress_age_s, phase: stall.phase },
    // Only where there is one: directories from before it was known read and compare as they did.
    ...(gpu === null
      ? {}
      : {
          gpu: { baseline_sm_clock_mhz: gpu.baseline_sm_clock_mhz, foreign_processes: gpu.foreign_processes },
        }),
    extras: outcome.extras,
    completed_by: outcome.completed_by,
  };
}

/** Reads an outcome strictly; the reverse of `outcomeDocument`. Issues point into `pointer`. */
export function readOutcome(json: unknown, pointer = ""): ReadOutcome {
  const issues: FieldIssue[] = [];
  const fields = new Fields(json, pointer, issues);
  fields.only([
    "status",
    "stop_reason",
    "exception",
    "executed",
    "device",
    "step_time_mode",
    "peak_vram_reserved_bytes",
    "peak_vram_allocated_bytes",
    "vram_stats_error",
    "set_up_s",
    "stall",
    "gpu",
    "extras",
    "completed_by",
  ]);
  const outcome: RunOutcome = {
    status: fields.oneOf("status", ["completed", "failed", "stalled", "interrupted"]),
    stop_reason: fields.string("stop_reason"),
    exception: fields.nullable("exception", (key) => {
      const exception = fields.object(key);
      exception.only(["type", "message"]);
      return { type: exception.string("type"), message: exception.string("message") };
    }),
    executed: fields.nullable("executed", (key) => {
      const executed = fields.object(key);
      executed.only(["precision", "amp"]);
      return { precision: executed.oneOf("precision", precisions), amp: executed.boolean("amp") };
    }),
    device: fields.nullable("device", (key) => readDevice(fields.object(key))),
    step_time_mode: fields.nullable("step_time_mode", (key) => fields.oneOf(key, stepTimeModes)),
    peak_vram_reserved_bytes: fields.nullable("peak_vram_reserved_bytes", (key) => fields.integer(key, 0)),
    peak_vram_allocated_bytes: fields.nullable("peak_vram_allocated_bytes", (key) => fields.integer(key, 0)),
    vram_stats_error: fields.nullable("vram_stats_error", (key) => fields.string(key)),
    set_up_s: fields.nullable("set_up_s", (key) => fields.number(key, 0)),
    stall: fields.nullable("stall", (key) => {
      const stall = fields.object(key);
      stall.only(["threshold_s", "last_progress_age_s", "phase"]);
      return {
        threshold_s: stall.number("threshold_s", 0),
        last_progress_age_s: stall.number("last_progress_age_s", 0),
        phase: stall.oneOf("phase", ["set_up", "warmup", "measure"]),
      };
    }),
    gpu: fields.has("gpu") ? fields.nullable("gpu", (key) => readGpu(fields.object(key))) : null,
    extras: fields.json("extras"),
    completed_by: fields.oneOf("completed_by", ["run", "watchdog", "supervisor"]),
  };
  return issues.length === 0 ? { status: "ok", outcome } : { status: "invalid", issues };
}

function readGpu(gpu: Fields): GpuConditions {
  gpu.only(["baseline_sm_clock_mhz", "foreign_processes"]);
  return {
    baseline_sm_clock_mhz: gpu.nullable("baseline_sm_clock_mhz", (key) => gpu.number(key, 0)),
    foreign_processes: gpu.nullable("foreign_processes", (key) => gpu.integer(key, 0)),
  };
}
