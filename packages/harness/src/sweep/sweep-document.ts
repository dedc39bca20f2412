import type { CpuInstructionSet, RingOptions } from "@vrx/ring-engine";
import type { AssocTask } from "../capability/assoc-task.js";
import type { IdleRule } from "../executors/wait-for-idle.js";

/** A value of a knob. */
export type KnobValue = number | string | boolean;

/**
 * Knobs by name: those of the spec (`ring_len`, `batch_size`, ...), `heads`, `threads`, the task's as `task.pairs` and
 * the ring's options as `options.learning_rate`.
 */
export type Knobs = Readonly<Record<string, KnobValue>>;

/** A block of axes: all combinations, values taken together, or combinations written out. */
export type AxisBlock =
  | { readonly grid: Readonly<Record<string, readonly KnobValue[]>> }
  | { readonly zip: Readonly<Record<string, readonly KnobValue[]>> }
  | { readonly list: readonly Knobs[] };

export interface RingRunnerChoice {
  /** `auto` is resolved to an engine of this host when the sweep is planned; the others mean the same everywhere. */
  readonly engine: "auto" | "reference" | "cpu" | "cuda";
  readonly threads?: number;
  readonly instruction_set?: CpuInstructionSet;
  readonly options?: Partial<Omit<RingOptions, "expert_heads">>;
}

export interface ProgramChoice {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** What identifies the program's code; without it a changed program is not noticed. */
  readonly version?: string;
}

/** A sweep (`vrx_sweep_v1`): what to vary, and how each configuration is measured. See docs/sweeps.md. */
export interface SweepDocument {
  readonly schema_version: "vrx_sweep_v1";
  readonly name: string;
  readonly notes?: string;
  /** A preset's name, or knobs that make a whole spec. */
  readonly base: string | Knobs;
  /** Values that every configuration has unless an axis says otherwise. */
  readonly set?: Knobs;
  /** Each block multiplies those before it; none: one configuration. */
  readonly axes?: readonly AxisBlock[];
  /** Combinations to leave out: those that have all the values of one of these. */
  readonly exclude?: readonly Knobs[];
  /** Values for the combinations that have all the values of `when`, applied in this order. */
  readonly overrides?: readonly { readonly when: Knobs; readonly set: Knobs }[];
  /** Capability is measured once per seed; cost with the first one. */
  readonly seeds: readonly number[];
  readonly runner: RingRunnerChoice | ProgramChoice;
  readonly probe: {
    readonly warmup_steps: number;
    readonly measure_steps: number;
    /** Memory a host without a GPU declares, for `memory_budget_ratio`. */
    readonly memory_budget_bytes?: number;
  };
  readonly capability?: {
    readonly task: AssocTask;
    /** Ring tokens every configuration is trained on; steps follow from batch and length. */
    readonly ring_tokens: number;
    /** A program instead of the ring's own training. */
    readonly program?: ProgramChoice;
  };
  /**
   * What configurations are compared by: two or more axes of packets, each with the direction it has (docs/report.md).
   * The frontier is over all of them, and the first two are those of its picture. Throughput and accuracy unless given.
   */
  readonly objective?: readonly string[];
  readonly limits?: { readonly time_s?: number; readonly memory_bytes?: number };
  /** Trials are run in a shuffled order, so that drift of the host does not look like an effect of an axis. */
  readonly order?: { readonly shuffle: boolean; readonly seed: number };
  /** Seconds between two trials in one place. */
  readonly cooldown_s?: number;
  /** Before each trial, wait until its host is idle by this rule. */
  readonly idle?: IdleRule;
  /** Whether results of another version of vrx may be used: `exact`: no, `any`: yes (the default). */
  readonly toolkit?: "exact" | "any";
}
