/** What a model was asked to learn: `pairs` key-value pairs are shown, one key is asked for, its value is the answer. */
export interface AssocTaskSettings {
  /** Different keys there are. */
  readonly keys: number;
  /** Pairs in one sample. */
  readonly pairs: number;
  /** Different values, which are the classes. */
  readonly val_range: number;
  /** Whether the keys of one sample all differ, checked over the data. */
  readonly unique_keys: boolean;
}

/** Accuracies to hold a result against, each from 0 to 1. */
export interface CapabilityLevels {
  /** Guessing among all values. */
  readonly chance: number;
  /** Answering with any value of the sample: about 1 / pairs. */
  readonly copy: number;
  /** The best that is possible on this data. */
  readonly ceiling: number;
}

/**
 * `report.json` of a capability run (`assoc_report_v1`): what was trained, on how much, and what it can do on data it
 * has not seen. `eval.eval_acc` and `settings.eval_disjoint` are the two facts a packet takes from it by the locked
 * schema; everything else is there to be held against them.
 */
export interface CapabilityReport {
  readonly schema_version: "assoc_report_v1";
  readonly benchmark: "assoc_byte";
  readonly generated_utc: string;
  readonly workload_id: string;
  readonly workload_digest: string;
  readonly settings: AssocTaskSettings & {
    readonly seed: number;
    readonly train_data_seed: number;
    readonly eval_data_seed: number;
    readonly ring_len: number;
    readonly slot_dim: number;
    readonly expert_heads: number;
    readonly batch_size: number;
    readonly seq_len: number;
    readonly precision: string;
    /** True only where `overlap.shared` is 0. */
    readonly eval_disjoint: boolean;
    readonly update_scale: number;
    readonly learning_rate: number;
  };
  /** Samples of the evaluation set that also are in the training set, by SHA-256 over their data. */
  readonly overlap: { readonly shared: number; readonly train_distinct: number; readonly eval_distinct: number };
  readonly levels: CapabilityLevels;
  readonly engine: { readonly kind: string; readonly version: string; readonly simulated: boolean };
  /** What was really done, not what was planned. */
  readonly train: {
    readonly steps: number;
    readonly planned_steps: number;
    readonly ring_tokens: number;
    readonly loss_first: number | null;
    readonly loss_last: number | null;
    readonly wall_s: number;
  };
  readonly eval: {
    readonly eval_acc: number;
    readonly eval_hits: number;
    readonly eval_n: number;
    readonly eval_loss: number;
  };
}
