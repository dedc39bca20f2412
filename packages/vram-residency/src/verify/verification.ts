/**
 * How much a verification looked at, from least to most. `signature`: the seal alone, no byte of the device. `leaves`: m
 * leaves of 4096 bytes drawn at random. `tree`: all bytes, hashed on the device. `read_back`: all bytes, copied to the host
 * and hashed there too.
 */
export const VERIFICATION_TIERS = ["signature", "leaves", "tree", "read_back"] as const;

export type VerificationTier = (typeof VERIFICATION_TIERS)[number];

/**
 * What was taken for granted. `none`: nothing. `writes_ruled_out`: the caller says that nobody can have written to the bytes
 * since all of them were verified last, so none was hashed again. Flips of the hardware are no writes, and go unseen.
 */
export type VerificationAssumption = "none" | "writes_ruled_out";

/** Every way in which a verification can fail, one code each. */
export type VerificationFailure =
  | "not_sealed"
  | "missing_signature"
  | "bad_signature_length"
  | "signature_mismatch"
  | "unknown_allocation"
  | "device_mismatch"
  | "size_mismatch"
  | "digest_mismatch"
  | "stale_seal"
  | "read_failure";

/** What a successful verification looked at, and when. It says nothing of any later moment. */
export interface VerificationEvidence {
  readonly tier: VerificationTier;
  readonly assumption: VerificationAssumption;
  /** When it began and ended, RFC 3339 in UTC; null where times are left out. */
  readonly began_at: string | null;
  readonly ended_at: string | null;
  readonly leaves_checked: number;
  readonly leaves_total: number;
  /** The probability that exactly one changed leaf was not among those that were checked. */
  readonly miss_probability_one_leaf: number;
}

/**
 * The probability that `drawn` of `total` leaves, drawn without repetition, miss all of `changed` changed ones:
 * C(total - changed, drawn) / C(total, drawn). 1 where nothing is drawn, 0 where everything is.
 */
export function missProbability(total: number, drawn: number, changed = 1): number {
  if (![total, drawn, changed].every((n) => Number.isSafeInteger(n) && n >= 0) || drawn > total || changed > total) {
    throw new RangeError(
      `expected whole numbers with drawn and changed at most total, found ${total}, ${drawn}, ${changed}`,
    );
  }
  let probability = 1;
  for (let i = 0; i < changed && probability > 0; i++) probability *= Math.max(0, total - drawn - i) / (total - i);
  return probability;
}
