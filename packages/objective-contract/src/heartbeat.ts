/** The heartbeat of the contract: no progress for longer than max(60 s, 10 x median step time) is a stall. */
export const HEARTBEAT_FLOOR_S = 60;
/** How many median step times a run may be silent. */
export const HEARTBEAT_FACTOR = 10;
/** How long the set-up of a run (everything before its first step) may be silent unless the caller says otherwise. */
export const DEFAULT_SET_UP_LIMIT_S = 600;

/** What a run promises to be held to by its watchdog, in seconds. */
export interface HeartbeatPolicy {
  /** The longest silence before the first step. */
  readonly set_up_limit_s: number;
  /** The least threshold once steps are coming; the contract's is 60. */
  readonly floor_s: number;
  /** Median step times of silence; the contract's is 10. */
  readonly factor: number;
}

/** The heartbeat policy of the contract. */
export const contractHeartbeat: HeartbeatPolicy = {
  set_up_limit_s: DEFAULT_SET_UP_LIMIT_S,
  floor_s: HEARTBEAT_FLOOR_S,
  factor: HEARTBEAT_FACTOR,
};

/**
 * The silence in seconds after which a run counts as stalled: `max(60, 10 * median_s)`, and 60 when the median
 * is not a positive finite number. `policy` replaces the two constants.
 */
export function heartbeatThreshold(
  median_s: number,
  policy: Pick<HeartbeatPolicy, "floor_s" | "factor"> = contractHeartbeat,
): number {
  if (!Number.isFinite(median_s) || median_s <= 0) return policy.floor_s;
  return Math.max(policy.floor_s, policy.factor * median_s);
}
