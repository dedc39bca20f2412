import type { RingConfig } from "../backend.js";
import { type Linear, linearBackward, linearForward } from "./linear.js";
import { floorMod, ringLerp, wrapDistance } from "./ring-positions.js";
import { clamp, clampSlope, roundHalfEven, sigmoid, softplus } from "./scalar.js";
import { addAt, at } from "./vector.js";

/** The learned parts that move the pointer. */
export interface PointerWeights {
  /** Per slot: where a jump from there leads, as the logit of its share of the ring. */
  readonly jump_target: Float64Array;
  /** Per slot: added to the logit of the jump's strength. */
  readonly jump_gate: Float64Array;
  readonly jump: Linear;
  readonly inertia: Linear;
  readonly deadzone: Linear;
  readonly walk: Linear;
}

/** Everything one update computed on its way, in order; the backward pass goes through it from the end. */
export interface PointerUpdate {
  readonly hidden: Float64Array;
  readonly slot: number;
  readonly next_slot: number;
  /** Share of `next_slot` in what is read from the two slots. */
  readonly fraction: number;
  readonly raw_inertia: number;
  readonly inertia: number;
  readonly deadzone_logit: number;
  readonly raw_walk: number;
  readonly walk: number;
  readonly jump: number;
  /** Signed ways: of one step forward, to the jump's target, to the position before inertia, and to the one after it. */
  readonly way_forward: number;
  readonly way_to_target: number;
  readonly way_before_inertia: number;
  readonly way_after_inertia: number;
  readonly gate: number;
  readonly pointer: number;
}

const INERTIA_LIMIT = 0.99;

/**
 * One move of the pointer: walk forward, jump towards a learned target, inertia, dead zone.
 * `round` is the rounding of the pointer's format, applied to every position and way.
 */
export function pointerForward(
  weights: PointerWeights,
  from: number,
  hidden: Float64Array,
  config: RingConfig,
  round: (value: number) => number,
): PointerUpdate {
  const R = config.ring_len;
  const way = (a: number, b: number): number => round(wrapDistance(a, b, R));
  const head = (linear: Linear): number => at(linearForward(linear, hidden), 0);

  const raw_inertia = sigmoid(head(weights.inertia));
  const inertia = clamp(raw_inertia, 0, INERTIA_LIMIT);
  const deadzone_logit = head(weights.deadzone);
  const raw_walk = sigmoid(head(weights.walk));
  const walk = clamp(raw_walk, 0, 1);

  // The two slots are looked up from a float32 copy of the pointer, whatever the pointer's format.
  const position = Math.fround(from);
  const slot = floorMod(Math.floor(position), R);
  const next_slot = (slot + 1) % R;
  const fraction = position - Math.floor(position);
  const between = (a: number, b: number): number => a + (b - a) * fraction;
  const target = roundHalfEven(
    between(sigmoid(at(weights.jump_target, slot)) * (R - 1), sigmoid(at(weights.jump_target, next_slot)) * (R - 1)),
  );
  const gate_logit = between(at(weights.jump_gate, slot), at(weights.jump_gate, next_slot));
  const jump = sigmoid(head(weights.jump) + gate_logit);

  const forward = round(floorMod(from + 1, R));
  const walked = round(ringLerp(from, forward, walk, R));
  const jumped = round(ringLerp(walked, target, jump, R));
  const slowed = round(ringLerp(from, jumped, 1 - inertia, R));
  const way_after_inertia = way(from, slowed);
  const gate = sigmoid((Math.abs(way_after_inertia) - softplus(deadzone_logit)) / config.deadzone_tau);
  const moved = round(floorMod(from + gate * way_after_inertia, R));
  const pointer = round(floorMod(from + way(from, moved), R));
  return {
    hidden,
    slot,
    next_slot,
    fraction,
    raw_inertia,
    inertia,
    deadzone_logit,
    raw_walk,
    walk,
    jump,
    way_forward: way(from, forward),
    way_to_target: way(walked, target),
    way_before_inertia: way(from, jumped),
    way_after_inertia,
    gate,
    pointer,
  };
}

/**
 * Adds to `gradient` and to `dHidden` what dL/dpointer-after contributes, and returns dL/dpointer-before.
 * The modulo has slope 1, rounding of the target too (straight-through); slots and fraction are constants.
 */
export function pointerBackward(
  weights: PointerWeights,
  update: PointerUpdate,
  dPointer: number,
  config: RingConfig,
  gradient: PointerWeights,
  dHidden: Float64Array,
): number {
  const R = config.ring_len;
  const { gate, inertia, jump, walk, way_after_inertia } = update;
  const throughHead = (linear: Linear, slope: number, into: Linear): void =>
    linearBackward(linear, update.hidden, Float64Array.of(slope), into, dHidden);

  // The last step adds the way from `from` to `moved` to `from`: all of its slope goes to `moved`.
  const dGateLogit = (dPointer * way_after_inertia * gate * (1 - gate)) / config.deadzone_tau;
  const dWayAfter = dPointer * gate + dGateLogit * Math.sign(way_after_inertia);
  let dFrom = dPointer - dWayAfter;
  throughHead(weights.deadzone, -dGateLogit * sigmoid(update.deadzone_logit), gradient.deadzone);

  const dInertia = -dWayAfter * update.way_before_inertia;
  dFrom += dWayAfter * inertia;
  const dJumped = dWayAfter * (1 - inertia);
  const inertiaSlope = clampSlope(update.raw_inertia, 0, INERTIA_LIMIT) * update.raw_inertia * (1 - update.raw_inertia);
  throughHead(weights.inertia, dInertia * inertiaSlope, gradient.inertia);

  const dJumpLogit = dJumped * update.way_to_target * jump * (1 - jump);
  throughHead(weights.jump, dJumpLogit, gradient.jump);
  addAt(gradient.jump_gate, update.slot, dJumpLogit * (1 - update.fraction));
  addAt(gradient.jump_gate, update.next_slot, dJumpLogit * update.fraction);
  const dTarget = dJumped * jump;
  const targetSlope = (slot: number): number => {
    const share = sigmoid(at(weights.jump_target, slot));
    return share * (1 - share) * (R - 1);
  };
  addAt(gradient.jump_target, update.slot, dTarget * (1 - update.fraction) * targetSlope(update.slot));
  addAt(gradient.jump_target, update.next_slot, dTarget * update.fraction * targetSlope(update.next_slot));

  // The walk goes from `from` to `from + 1`: both ends move with `from`, so its own slope is 1.
  const dWalked = dJumped * (1 - jump);
  dFrom += dWalked;
  const walkSlope = clampSlope(update.raw_walk, 0, 1) * walk * (1 - walk);
  throughHead(weights.walk, dWalked * update.way_forward * walkSlope, gradient.walk);
  return dFrom;
}
