import {
  type Infer,
  boolean,
  defaulted,
  listOf,
  nonNegativeNumber,
  object,
  oneOf,
  optional,
  positiveInteger,
  required,
} from "../internal/schema.js";
import { component, path } from "./component.js";

const folders = {
  checkpoint_dir: optional(path, "Where checkpoints go; runs/<manifest>/<target> when missing."),
  resume_from: optional(path, "A checkpoint to go on from."),
};
const scope = listOf(path, { single: true });

export const trainerConfigs = {
  "trainer.standard": object("trainer.standard config", {
    ...folders,
    early_stopping_patience: optional(positiveInteger, "Validations without an improvement after which a run ends."),
    early_stopping_min_delta: defaulted(nonNegativeNumber, 0, "Less than this is no improvement."),
    keep_best: defaulted(boolean(), true, "Whether the checkpoint with the lowest validation loss is kept."),
  }),
  "trainer.upcycle": object("trainer.upcycle config", folders),
  "trainer.upcycle_eval": object("trainer.upcycle_eval config", {
    teacher_ckpt: required(path, "The teacher's checkpoint."),
    student_ckpt: required(path, "The student's checkpoint."),
    device: defaulted(path, "cpu", "Where they run."),
    dtype: defaulted(oneOf(["auto", "float32", "float16", "bfloat16"]), "auto", "Their numbers."),
  }),
  "trainer.gradient_isolation": object("trainer.gradient_isolation config", {
    ...folders,
    trainable_scope: defaulted(scope, [], "Patterns of parameters' names; only these are trained."),
    frozen_scope: defaulted(scope, [], "Patterns of parameters' names that are not trained, whatever the other says."),
  }),
} as const;

export const trainerSchema = component("trainer", trainerConfigs);

/** How it is trained; told apart by `ref`, unless `impl` names code of the user's. */
export type Trainer = Infer<typeof trainerSchema>;
export type TrainerConfig<K extends keyof typeof trainerConfigs> = Infer<(typeof trainerConfigs)[K]>;
