/** Why something will not run; closed, so that a program can switch over it. */
export type BlockerCode =
  | "backend_unavailable"
  | "device_unavailable"
  | "dataset_missing"
  | "tokenizer_missing"
  | "teacher_missing"
  | "network_needed"
  | "memory_estimate_exceeds"
  | "not_honoured"
  | "code_missing"
  | "nothing_to_run"
  | "process_unavailable";

/** One thing that keeps a target from running here as its manifest says, and what mends it. */
export interface Blocker {
  readonly code: BlockerCode;
  /** null: every target, by the defaults. */
  readonly target: string | null;
  readonly run: string | null;
  /** RFC 6901, into the lowered manifest. */
  readonly pointer: string;
  /** One sentence: what will not run, and why. */
  readonly message: string;
  /** The flag or the edit that mends it. */
  readonly fix: string;
}

/** Adds a blocker to those of a target; `path` is below the target. */
export type AddBlocker = (
  blocker: Omit<Blocker, "target" | "run" | "pointer"> & {
    readonly path: readonly PropertyKey[];
    readonly run?: string;
  },
) => void;
