import type { JsonObject } from "@vrx/objective-contract";
import { type Artifact, type PacketIssue, Statements } from "./internal/statements.js";
import { type AntRatioPacket, PACKET_SCHEMA_VERSION, type PacketFacts } from "./packet.js";
import { SMALL_BODY_CELLS, tierOf } from "./tier.js";
import { type PacketBudget, recordedBudgetSteps } from "./token-budget.js";

/** The artifacts of a probe, as documents; see `readProbeArtifacts` for those of a folder. */
export interface ProbeArtifacts {
  readonly metrics: Artifact;
  readonly env: Artifact;
  readonly run_cmd: Artifact;
}

export interface BuildPacketOptions {
  /** Recorded in the packet; the steps are held between the limits, as the locked rule has it. */
  readonly budget?: PacketBudget | null;
  /** The steps of the capability run, where they are known to differ from the budget's. */
  readonly capability_steps?: number | null;
  /** Instead of the tier that follows from the size. */
  readonly ant_tier?: string | null;
  readonly probe_run_root?: string | null;
  readonly assoc_run_root?: string | null;
  /** Instead of the commit that `env.json` states. */
  readonly git_commit?: string | null;
  readonly generated_utc?: string;
  /** Facts beyond the artifacts, under `vrx`. */
  readonly facts?: PacketFacts;
}

export type BuiltPacket =
  | { readonly status: "ok"; readonly packet: AntRatioPacket }
  | { readonly status: "refused"; readonly reasons: readonly PacketIssue[] };

/** Seconds, not milliseconds: the form of v0. */
function utcNow(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}

/** Keeps what is stated; null stays null only where the artifact has the key. */
function stated<T extends object>(facts: T): Partial<{ [K in keyof T]: NonNullable<T[K]> }> {
  const entries = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(entries) as Partial<{ [K in keyof T]: NonNullable<T[K]> }>;
}

function sameShape(
  probe: { ring_len: number | null; slot_dim: number | null; heads: number | null },
  report: Statements,
  issues: PacketIssue[],
): void {
  const pairs = [
    ["ring_len", probe.ring_len],
    ["slot_dim", probe.slot_dim],
    ["expert_heads", probe.heads],
  ] as const;
  for (const [key, own] of pairs) {
    const other = report.count(1, "settings", key);
    if (own === null || other === null || own === other) continue;
    const message = `report.json/settings/${key}: the probe ran with ${own} and the report is of ${other}: they are two configurations`;
    issues.push({
      artifact: "report.json",
      pointer: `/settings/${key}`,
      expected: String(own),
      found: String(other),
      message,
    });
  }
}

function factsOf(metrics: Statements, run: Statements, env: Statements, report: Statements): PacketFacts {
  return stated({
    workload_digest: metrics.text("workload_digest"),
    run_options_digest: metrics.text("run_options_digest"),
    verdict: metrics.text("verdict"),
    engine: metrics.text("engine"),
    engine_version: metrics.text("engine_version"),
    device: metrics.text("device"),
    device_kind: metrics.text("device_kind"),
    simulated: metrics.flag("simulated"),
    executed_precision: metrics.text("executed_precision"),
    threads: metrics.count(1, "threads"),
    host: env.text("host"),
    gpu_name: env.text("gpu_name"),
    probe_seed: run.count(0, "seed"),
    median_step_time_s: metrics.number(0, Infinity, "median_step_time_s"),
    p95_step_time_s: metrics.number(0, Infinity, "p95_step_time_s"),
    peak_rss_bytes: metrics.count(0, "peak_rss_bytes"),
    energy_per_step_joules: metrics.number(0, Infinity, "energy_per_step_joules"),
    assoc_seed: report.count(0, "settings", "seed"),
    assoc_keys: report.count(1, "settings", "keys"),
    assoc_pairs: report.count(1, "settings", "pairs"),
    assoc_values: report.count(1, "settings", "val_range"),
    assoc_unique_keys: report.flag("settings", "unique_keys"),
    assoc_eval_hits: report.count(0, "eval", "eval_hits"),
    assoc_eval_loss: report.number(0, Infinity, "eval", "eval_loss"),
    assoc_chance_accuracy: report.number(0, 1, "levels", "chance"),
    assoc_copy_accuracy: report.number(0, 1, "levels", "copy"),
    assoc_ceiling_accuracy: report.number(0, 1, "levels", "ceiling"),
    assoc_steps: report.count(0, "train", "steps"),
    assoc_planned_steps: report.count(0, "train", "planned_steps"),
    assoc_ring_tokens: report.count(0, "train", "ring_tokens"),
  });
}

/**
 * Joins the artifacts of a probe with the report of a capability run. PASS is read from the artifacts by the locked
 * rule: `stability_pass` is true and `had_oom`, `had_nan` and `had_inf` are false, all of them stated. What an artifact
 * does not state is null; a value of the wrong type, an impossible one, and a report of another ring length, slot
 * dimension or number of heads refuse the packet, with all reasons.
 *
 * Sources: the seed document of the ant ratio packet v0.
 */
export function buildPacket(probe: ProbeArtifacts, report: Artifact, options: BuildPacketOptions = {}): BuiltPacket {
  const reasons: PacketIssue[] = [];
  const m = new Statements("metrics.json", probe.metrics, reasons);
  const e = new Statements("env.json", probe.env, reasons);
  const c = new Statements("run_cmd.txt", probe.run_cmd, reasons);
  const r = new Statements("report.json", report, reasons);

  const ring_len = c.count(1, "canonical_spec", "ant_spec", "ring_len");
  const slot_dim = c.count(1, "canonical_spec", "ant_spec", "slot_dim");
  const cells = ring_len === null || slot_dim === null ? null : ring_len * slot_dim;
  const heads = m.count(1, "out_dim");
  const batch_size = m.count(1, "batch_size");
  const seq_len = m.count(1, "seq_len");
  const reserved = m.count(0, "peak_vram_reserved_bytes");
  const total = e.count(0, "total_vram_bytes");
  const passed = m.flag("stability_pass");
  const had = { oom: m.flag("had_oom"), nan: m.flag("had_nan"), inf: m.flag("had_inf") };
  const budget = options.budget ?? null;
  const tokens_per_step = budget === null || batch_size === null || seq_len === null ? null : batch_size * seq_len;
  const steps = options.capability_steps ?? null;
  const sized = ring_len !== null && slot_dim !== null;
  const packet: AntRatioPacket = {
    schema_version: PACKET_SCHEMA_VERSION,
    generated_utc: options.generated_utc ?? utcNow(),
    git_commit: options.git_commit ?? e.text("git_commit"),
    probe_run_root: options.probe_run_root ?? null,
    assoc_run_root: options.assoc_run_root ?? null,
    ant_tier: options.ant_tier ?? (sized ? tierOf(ring_len, slot_dim) : null),
    ant_ring_len: ring_len,
    ant_slot_dim: slot_dim,
    ant_body_cells: cells,
    ant_body_scale_vs_small: cells === null ? null : cells / SMALL_BODY_CELLS,
    expert_heads: heads,
    batch_size,
    precision: m.text("precision"),
    amp: m.count(0, "amp"),
    seq_len,
    vram_ratio_reserved: reserved === null || total === null || total === 0 ? null : reserved / total,
    peak_vram_reserved_bytes: reserved,
    total_vram_bytes: total,
    throughput_tokens_per_s: m.number(0, Infinity, "throughput_tokens_per_s"),
    throughput_samples_per_s: m.number(0, Infinity, "throughput_samples_per_s"),
    assoc_byte_disjoint_accuracy: r.number(0, 1, "eval", "eval_acc"),
    assoc_eval_disjoint: r.flagOrNothing("settings", "eval_disjoint"),
    assoc_eval_n: r.count(0, "eval", "eval_n"),
    token_budget: budget?.token_budget ?? null,
    token_budget_tokens_per_step: tokens_per_step,
    token_budget_steps:
      budget === null
        ? null
        : steps !== null && steps > 0
          ? steps
          : tokens_per_step === null
            ? null
            : recordedBudgetSteps(budget, tokens_per_step),
    stability_pass: passed === true && had.oom === false && had.nan === false && had.inf === false,
    fail_reasons: m.texts("fail_reasons"),
    had_oom: had.oom,
    had_nan: had.nan,
    had_inf: had.inf,
    workload_id: m.text("workload_id"),
    probe_id: m.text("probe_id"),
  };
  sameShape({ ring_len, slot_dim, heads }, r, reasons);
  const facts = { ...factsOf(m, c, e, r), ...options.facts };
  if (
    facts.assoc_eval_hits !== undefined &&
    packet.assoc_eval_n !== null &&
    facts.assoc_eval_hits > packet.assoc_eval_n
  ) {
    r.refuse(["eval", "eval_hits"], `at most eval_n = ${packet.assoc_eval_n}`, facts.assoc_eval_hits);
  }
  if (reasons.length > 0) return { status: "refused", reasons };
  return { status: "ok", packet: Object.keys(facts).length === 0 ? packet : { ...packet, vrx: facts } };
}

/** A document without knowledge of how its numbers were written. */
export function artifact(json: JsonObject): Artifact {
  return { json };
}
