import type { LoweredExperimentTarget, TrainerConfig } from "@vrx/manifest";
import { ExperimentError } from "../errors.js";
import type { ParameterSpec } from "../layers/initial.js";

/** What a trainer's configuration comes to. */
export interface TrainerSettings {
  readonly standard: TrainerConfig<"trainer.standard">;
  readonly isTrainable: (parameter: ParameterSpec) => boolean;
}

/**
 * The settings of `trainer.standard` and of `trainer.gradient_isolation`, which is the same with some parameters frozen;
 * `at` says where a path of the manifest lies. Throws `unsupported` for any other trainer.
 */
export function trainerSettings(
  trainer: LoweredExperimentTarget["trainer"],
  at: (path: string) => string,
): TrainerSettings {
  const resume = (path: string | null): string | null => (path === null ? null : at(path));
  if (trainer.impl === null && trainer.ref === "trainer.standard") {
    const { config } = trainer;
    return {
      standard: { ...config, resume_from: resume(config.resume_from) },
      isTrainable: ({ trainable }) => trainable,
    };
  }
  if (trainer.impl === null && trainer.ref === "trainer.gradient_isolation") {
    const { checkpoint_dir, resume_from, trainable_scope, frozen_scope } = trainer.config;
    const matches = (patterns: readonly string[], name: string): boolean =>
      patterns.some((pattern) => new RegExp(pattern, "u").test(name));
    return {
      standard: {
        checkpoint_dir,
        resume_from: resume(resume_from),
        early_stopping_patience: null,
        early_stopping_min_delta: 0,
        keep_best: true,
      },
      isTrainable: ({ name, trainable }) =>
        trainable && !matches(frozen_scope, name) && (trainable_scope.length === 0 || matches(trainable_scope, name)),
    };
  }
  throw new ExperimentError("unsupported", `${trainer.ref} cannot run yet; trainer.standard can`);
}
