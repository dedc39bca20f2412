import { type Gate, defineGate, gateResult } from "./gate.js";
import { contractHeartbeat } from "./heartbeat.js";
import { saysOutOfMemory } from "./metrics.js";
import { runDevice } from "./run-device.js";

/** A p95 step time above this many medians is an explosion. */
export const EXPLOSION_FACTOR = 2.5;

/**
 * The fewest measured steps that let the explosion gate count as evidence: 20 is the least n for which the
 * slowest 5 % is at least one whole step (0.05 * 20 = 1). Below it the index floor(0.95 * (n - 1)) skips the
 * slowest step although that step alone is more than 5 % of the run, and for n <= 4 the index is not above
 * the median's, so that the rule could never fire at all.
 */
export const MIN_STEPS_FOR_EXPLOSION = 20;

/** Every loss, of the warm-up too, must be finite. */
export const nanOrInf: Gate = defineGate({
  name: "nan_or_inf",
  rule: "The loss of every step, warm-up included, is finite.",
  evaluate: ({ samples, header }) => {
    const bad = samples.find((sample) => sample.loss !== null && !Number.isFinite(sample.loss));
    if (bad !== undefined) {
      return gateResult("fail", `the loss of ${bad.phase} step ${bad.step} is ${String(bad.loss)}`, {
        value: String(bad.loss),
      });
    }
    const unknown = samples.filter((sample) => sample.loss === null).length;
    if (unknown > 0) return gateResult("no_evidence", `${unknown} of ${samples.length} steps have no loss`);
    if (samples.length < header.warmup_steps + header.measure_steps) {
      return gateResult("cannot_fire", `only ${samples.length} steps were recorded`, { value: samples.length });
    }
    return gateResult("pass", `all ${samples.length} losses are finite`, { value: samples.length, unit: "losses" });
  },
});

/** There is one time for each measured step. */
export const timingMissing: Gate = defineGate({
  name: "timing_missing",
  rule: "There is a time for each of the measured steps, and their loop did not break off.",
  evaluate: ({ header, outcome }, { measured_steps }) => {
    const figures = { value: measured_steps, limit: header.measure_steps, unit: "steps" };
    const brokeOff = outcome.status === "failed" && outcome.exception === null;
    if (measured_steps === header.measure_steps && !brokeOff) {
      return gateResult("pass", "every measured step has its time", figures);
    }
    if (outcome.status === "completed" || brokeOff) {
      const how = brokeOff ? `the measured steps broke off (${outcome.stop_reason})` : "step times are missing";
      return gateResult("fail", `${how}: ${measured_steps} of ${header.measure_steps}`, figures);
    }
    return gateResult("cannot_fire", `the run ended early (${outcome.status}: ${outcome.stop_reason})`, figures);
  },
});

/** The slowest steps are not far from the ordinary ones. */
export const stepTimeExplosion: Gate = defineGate({
  name: "step_time_explosion",
  rule: `The p95 step time is at most ${EXPLOSION_FACTOR} medians.`,
  evaluate: (_run, { median_step_time_s: median_s, p95_step_time_s: p95_s, measured_steps }) => {
    if (median_s === null || p95_s === null) return gateResult("cannot_fire", "no measured step has a time");
    if (median_s <= 0) return gateResult("cannot_fire", "the median step time is 0, so that no ratio can be taken");
    const figures = { value: p95_s, limit: EXPLOSION_FACTOR * median_s, unit: "s" };
    if (p95_s > figures.limit) {
      return gateResult("fail", `p95 is ${(p95_s / median_s).toFixed(2)} medians`, figures);
    }
    if (measured_steps < MIN_STEPS_FOR_EXPLOSION) {
      return gateResult(
        "cannot_fire",
        `${measured_steps} measured steps are too few for a p95; at least ${MIN_STEPS_FOR_EXPLOSION} are needed`,
        figures,
      );
    }
    return gateResult("pass", `p95 is ${(p95_s / median_s).toFixed(2)} medians`, figures);
  },
});

/** The device tells its peak memory. */
export const vramStatsFailed: Gate = defineGate({
  name: "vram_stats_failed",
  rule: "The device tells its peak memory.",
  evaluate: (run, { peak_vram_reserved_bytes: reserved }) => {
    if (runDevice(run).kind === "cpu") return notOnCpu();
    const { vram_stats_error } = run.outcome;
    if (vram_stats_error !== null) return gateResult("fail", vram_stats_error);
    if (reserved === null) return gateResult("no_evidence", "no peak of reserved memory was recorded");
    return gateResult("pass", "the peak was read", { value: reserved, unit: "bytes" });
  },
});

/** Peak reserved memory stays below a share of the device's. */
export const vramGuard: Gate = defineGate({
  name: "vram_guard",
  rule: "Peak reserved memory is at most floor(vram_guard_ratio * total memory).",
  evaluate: (run, { peak_vram_reserved_bytes: reserved }) => {
    if (runDevice(run).kind === "cpu") return notOnCpu();
    const total = run.env.total_vram_bytes;
    if (total === null) return gateResult("no_evidence", "the device's total memory is not known", { value: reserved });
    const ratio = run.header.vram_guard_ratio;
    const limit = Math.floor(ratio * total);
    if (reserved === null) return gateResult("no_evidence", "no peak of reserved memory was recorded", { limit });
    return gateResult(
      reserved > limit ? "fail" : "pass",
      `${(reserved / total).toFixed(4)} of the device, ${ratio} allowed`,
      {
        value: reserved,
        limit,
        unit: "bytes",
      },
    );
  },
});

/** The run was never silent for longer than its threshold. */
export const heartbeatStall: Gate = defineGate({
  name: "heartbeat_stall",
  rule: "The run was never silent for longer than max(60 s, 10 medians), nor its set-up for longer than its limit.",
  evaluate: ({ header, outcome }) => {
    if (outcome.status === "stalled") {
      const { stall } = outcome;
      return gateResult("fail", `no progress (${stall?.phase ?? "phase unknown"})`, {
        value: stall?.last_progress_age_s ?? null,
        limit: stall?.threshold_s ?? null,
        unit: "s",
      });
    }
    const { heartbeat } = header;
    if (heartbeat === null) return gateResult("no_evidence", "no watchdog looked at this run");
    if (heartbeat.floor_s > contractHeartbeat.floor_s || heartbeat.factor > contractHeartbeat.factor) {
      return gateResult("no_evidence", "the watchdog was laxer than the contract", {
        value: heartbeat.floor_s,
        unit: "s",
      });
    }
    return gateResult("pass", "the watchdog saw no silence beyond its threshold");
  },
});

/** Nothing was thrown. */
export const runtimeException: Gate = defineGate({
  name: "runtime_exception",
  rule: "Nothing was thrown in set-up, warm-up or measurement.",
  evaluate: ({ outcome: { exception } }) =>
    exception === null
      ? gateResult("pass", "nothing was thrown")
      : gateResult("fail", "the run threw", { value: `${exception.type}: ${exception.message}` }),
});

/** Memory sufficed. */
export const oom: Gate = defineGate({
  name: "oom",
  rule: "No exception says that memory ran out.",
  evaluate: ({ outcome: { exception } }) =>
    exception !== null && saysOutOfMemory(exception.message)
      ? gateResult("fail", "memory ran out", { value: `${exception.type}: ${exception.message}` })
      : gateResult("pass", "no exception says that memory ran out"),
});

function notOnCpu(): ReturnType<typeof gateResult> {
  return gateResult("not_applicable", "a CPU run uses no VRAM");
}
