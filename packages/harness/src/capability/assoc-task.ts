/** The associative-recall task that measures what a configuration is worth; see docs/capability.md. */
export interface AssocTask {
  /** Different keys there are; at least `pairs`, since the keys of one sample all differ. */
  readonly keys: number;
  /** Key-value pairs shown in one sample. */
  readonly pairs: number;
  /** Different values, which are the classes the model chooses from. */
  readonly values: number;
  /** Samples the training set has; batches are drawn from it in an order that follows from the seed. */
  readonly train_samples: number;
  /** Samples the evaluation set has, none of which is in the training set. */
  readonly eval_samples: number;
}
