import { canonicalJson } from "@vrx/objective-contract";
import type { AntRatioPacket } from "./packet.js";
import { BUDGET_TOLERANCE } from "./token-budget.js";
import { wilsonInterval } from "./wilson-interval.js";

export type UnrankableCode =
  | "no_packet"
  | "gates_not_passed"
  | "verdict_not_pass"
  | "simulated"
  | "capability_missing"
  | "evaluation_not_separate"
  | "chance_unknown"
  | "not_above_chance"
  | "too_few_seeds"
  | "budget_unknown"
  | "budget_missed";

export interface UnrankableReason {
  readonly code: UnrankableCode;
  readonly message: string;
}

export type Rankable =
  | { readonly status: "rankable"; readonly seeds: readonly number[] }
  | { readonly status: "not_rankable"; readonly reasons: readonly UnrankableReason[] };

export interface RankablePolicy {
  /** Seeds whose lower bound must be above chance; 2 by default. */
  readonly min_seeds?: number;
  /** Of the interval whose lower bound counts; 0.95 by default, two-sided. */
  readonly confidence?: number;
  /** The largest share by which trained ring tokens may miss the budget; 0.01 by default. */
  readonly budget_tolerance?: number;
}

/**
 * What makes packets those of one configuration: everything they say of what ran, whatever its seed. Provenance,
 * measurements and outcomes are not in it.
 */
export function configurationKey(packet: AntRatioPacket): string {
  const { vrx } = packet;
  return canonicalJson({
    workload_digest: vrx?.workload_digest ?? packet.workload_id,
    run_options_digest: vrx?.run_options_digest ?? null,
    engine: vrx?.engine ?? null,
    threads: vrx?.threads ?? null,
    device_kind: vrx?.device_kind ?? null,
    gpu_name: vrx?.gpu_name ?? null,
    host: vrx?.host ?? null,
    ring_len: packet.ant_ring_len,
    slot_dim: packet.ant_slot_dim,
    expert_heads: packet.expert_heads,
    batch_size: packet.batch_size,
    seq_len: packet.seq_len,
    precision: packet.precision,
    amp: packet.amp,
    token_budget: packet.token_budget,
    task: [vrx?.assoc_keys ?? null, vrx?.assoc_pairs ?? null, vrx?.assoc_values ?? null],
  });
}

/** Packets by configuration, in the order in which each first appears. */
export function groupByConfiguration(
  packets: Iterable<AntRatioPacket>,
): ReadonlyMap<string, readonly AntRatioPacket[]> {
  const groups = new Map<string, AntRatioPacket[]>();
  for (const packet of packets) {
    const key = configurationKey(packet);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [packet]);
    else group.push(packet);
  }
  return groups;
}

/**
 * Whether a configuration may be ranked, from its packets of all seeds: its gates pass on hardware that was really
 * there, its capability was measured on a separate set, the lower bound of its accuracy is above chance on at least two
 * seeds, and the ring tokens it was trained on keep the budget to 1 %. Missing evidence is never taken for kept. All
 * reasons at once.
 */
export function rankable(packets: Iterable<AntRatioPacket>, policy: RankablePolicy = {}): Rankable {
  const { min_seeds = 2, confidence = 0.95, budget_tolerance = BUDGET_TOLERANCE } = policy;
  const reasons = new Map<UnrankableCode, string>();
  const above = new Set<number>();
  let count = 0;
  for (const packet of packets) {
    count++;
    for (const { code, message } of perPacket(packet, budget_tolerance)) {
      if (!reasons.has(code)) reasons.set(code, message);
    }
    const lower = lowerBound(packet, confidence);
    const chance = packet.vrx?.assoc_chance_accuracy;
    if (lower === null || chance === undefined) continue;
    if (lower > chance) above.add(packet.vrx?.assoc_seed ?? Number.NaN);
    else
      reasons.set(
        "not_above_chance",
        `the lower bound of the accuracy, ${lower.toFixed(4)}, is not above chance, ${chance}`,
      );
  }
  above.delete(Number.NaN);
  if (count === 0) reasons.set("no_packet", "there is no packet of this configuration");
  else if (above.size < min_seeds) {
    reasons.set(
      "too_few_seeds",
      `of at least ${min_seeds} seeds that are above chance for sure there ${above.size === 1 ? "is" : "are"} ${above.size}`,
    );
  }
  // One seed that is not above chance is no obstacle where enough others are.
  if (above.size >= min_seeds) reasons.delete("not_above_chance");
  if (reasons.size === 0) return { status: "rankable", seeds: [...above].sort((a, b) => a - b) };
  return { status: "not_rankable", reasons: Array.from(reasons, ([code, message]) => ({ code, message })) };
}

function* perPacket(packet: AntRatioPacket, tolerance: number): Generator<UnrankableReason, void, undefined> {
  const { vrx } = packet;
  if (!packet.stability_pass) {
    const why = packet.fail_reasons === null ? "not all of them are stated" : packet.fail_reasons.join(", ");
    yield {
      code: "gates_not_passed",
      message: `the gates did not pass: ${why === "" ? "a condition does not hold" : why}`,
    };
  }
  if (vrx?.verdict !== undefined && vrx.verdict !== "pass") {
    yield { code: "verdict_not_pass", message: `the verdict of the probe is ${vrx.verdict}` };
  }
  if (vrx?.simulated === true) yield { code: "simulated", message: "it ran on a stand-in for hardware" };
  if (packet.assoc_byte_disjoint_accuracy === null || packet.assoc_eval_n === null || packet.assoc_eval_n < 1) {
    yield {
      code: "capability_missing",
      message: "its accuracy was not measured, or not on a number of samples that is stated",
    };
  }
  if (packet.assoc_eval_disjoint !== true) {
    const said = packet.assoc_eval_disjoint === null ? "it is not stated" : "they overlap";
    yield { code: "evaluation_not_separate", message: `evaluation and training data have to be separate: ${said}` };
  }
  if (vrx?.assoc_chance_accuracy === undefined) {
    yield { code: "chance_unknown", message: "the accuracy of guessing is not stated" };
  }
  const { token_budget: budget } = packet;
  const trained = vrx?.assoc_ring_tokens;
  if (budget === null || trained === undefined) {
    const missing =
      budget === null ? "no token budget is recorded" : "the ring tokens that were trained are not stated";
    yield { code: "budget_unknown", message: missing };
  } else if (Math.abs(trained - budget) > tolerance * budget) {
    yield { code: "budget_missed", message: `${trained} ring tokens were trained, the budget is ${budget}` };
  }
}

function lowerBound(packet: AntRatioPacket, confidence: number): number | null {
  const { assoc_byte_disjoint_accuracy: accuracy, assoc_eval_n: n, vrx } = packet;
  if (accuracy === null || n === null || n < 1) return null;
  return wilsonInterval(Math.min(n, vrx?.assoc_eval_hits ?? Math.round(accuracy * n)), n, confidence).low;
}
