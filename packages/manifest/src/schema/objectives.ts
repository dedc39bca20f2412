import { type Infer, defaulted, object, probability, wholeNumber } from "../internal/schema.js";
import { component, path } from "./component.js";

const smoothing = {
  ignore_index: defaulted(wholeNumber, -100, "Targets with this value count nothing."),
  label_smoothing: defaulted(probability, 0, "Share of the target that is spread over all classes."),
};

export const objectiveConfigs = {
  "objective.next_token_ce": object("objective.next_token_ce config", {
    logits_key: defaulted(path, "logits", "The model's scores."),
    target_key: defaulted(path, "target_ids", "The next tokens."),
    ...smoothing,
  }),
  "objective.classification_ce": object("objective.classification_ce config", {
    logits_key: defaulted(path, "logits", "The model's scores."),
    labels_key: defaulted(path, "labels", "The classes."),
    ...smoothing,
  }),
  "objective.mse": object("objective.mse config", {
    pred_key: defaulted(path, "pred", "What the model says."),
    target_key: defaulted(path, "targets", "What it should say."),
  }),
} as const;

export const objectiveSchema = component("objective", objectiveConfigs);

/** What is minimised; told apart by `ref`, unless `impl` names code of the user's. */
export type Objective = Infer<typeof objectiveSchema>;
export type ObjectiveConfig<K extends keyof typeof objectiveConfigs> = Infer<(typeof objectiveConfigs)[K]>;
