import type { Trial } from "../trial/trial.js";
import type { PublishedStatus, TrialResult, TrialStatus } from "../trial/trial-result.js";

/** The right to publish one trial, held by one attempt at a time. `token` is unique for ever. */
export interface Attempt {
  readonly digest: string;
  readonly token: string;
  /** Where the attempt writes its artifacts; nobody reads there until they are published. */
  readonly folder: string;
}

export type Begun =
  | { readonly status: "begun"; readonly attempt: Attempt }
  /** A result that verifies is there already. */
  | { readonly status: "done"; readonly result: TrialResult }
  /** Another attempt is at it and shows signs of life. */
  | { readonly status: "taken"; readonly by: string };

export type Published =
  | { readonly status: "published"; readonly result: TrialResult }
  /** Another attempt has the right to publish, or has published already. */
  | { readonly status: "superseded" };

export interface Outcome {
  readonly status: PublishedStatus;
  readonly reasons: readonly string[];
  readonly started_utc: string;
  readonly executor: string;
  readonly gpu_uuid: string | null;
  readonly simulated: boolean;
  readonly figures: TrialResult["figures"];
}

/** What the store knows of one trial. */
export interface TrialState {
  readonly digest: string;
  readonly status: TrialStatus;
  readonly attempts: number;
  readonly running: boolean;
}

/**
 * A folder of trials and their results, safe to share between processes and between hosts: results are published
 * under their digest by writing beside, fsync and rename, at most once; a journal only ever grows.
 */
export interface TrialStore {
  readonly dir: string;
  /** Writes plans down, so that another process can run them knowing only the digest. Known ones cost nothing. */
  put(trials: Iterable<Trial>): Promise<void>;
  /** Null where no such plan was put; throws `damaged` where it does not have the digest it is filed under. */
  trial(digest: string): Promise<Trial | null>;
  /** The published result, if there is one and it verifies against its plan, its files and, for a probe, its artifacts. */
  result(digest: string): Promise<TrialResult | null>;
  /** The folder of the published result, whether it verifies or not; null where there is none. */
  resultFolder(digest: string): Promise<string | null>;
  begin(digest: string, how: { readonly executor: string }): Promise<Begun>;
  /** Tells the others that the attempt is alive; false where it has lost its right to publish. */
  renew(attempt: Attempt): Promise<boolean>;
  /** Makes the attempt's folder the result. Where it is superseded its artifacts are kept as evidence. */
  publish(attempt: Attempt, outcome: Outcome): Promise<Published>;
  /** Gives the trial back without a result; its artifacts go. */
  abandon(attempt: Attempt, why: string): Promise<void>;
  /** From the journal alone: fast, and right as long as nobody has touched the results behind its back. */
  states(): Promise<ReadonlyMap<string, TrialState>>;
  close(): Promise<void>;
}
