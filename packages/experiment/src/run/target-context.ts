import type { LoweredExperimentTarget, LoweredManifest, LoweredRun } from "@vrx/manifest";
import type { Dataset } from "../data/dataset.js";
import type { Engine } from "../engine/engine.js";
import type { TrainingEvent } from "../train/run-training.js";
import type { Verification } from "../verify/verify-run.js";
import type { LoadedCode } from "./load-custom-code.js";
import type { TrainerSettings } from "./trainer-settings.js";

/** How an experiment is run. */
export interface RunTargetOptions {
  /** Relative paths of the manifest are relative to this folder; the current one by default. */
  readonly root?: string;
  /** The folder of this experiment's artifacts; by default `ARTIFACTS_DIR/NAME/TARGET/TIME`. */
  readonly out?: string;
  /** The folder of checkpoints; by default `runs/NAME/TARGET` under `root`. */
  readonly checkpoint_dir?: string;
  /** The manifest's file, for the record. */
  readonly manifest_path?: string;
  /** Whether data without a recipe of its own is generated where it is not there. */
  readonly generate_data?: boolean;
  readonly engine?: Engine;
  readonly signal?: AbortSignal;
  readonly argv?: readonly string[];
  readonly onEvent?: (event: TargetEvent) => void;
}

/** What happens while a target runs. */
export type TargetEvent =
  | { readonly kind: "training"; readonly run_id: string; readonly steps: number; readonly event: TrainingEvent }
  | {
      readonly kind: "step";
      readonly run_id: string;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
    }
  | { readonly kind: "verified"; readonly verification: Verification }
  | { readonly kind: "benchmark"; readonly text: string };

/** What every run of a target shares. */
export interface TargetContext {
  readonly manifest: LoweredManifest;
  readonly target: LoweredExperimentTarget;
  /** The data of a run, in samples of its `block_size`. */
  readonly datasetOf: (run: LoweredRun) => Dataset;
  /** The folder of the artifacts. */
  readonly dir: string;
  readonly engine: Engine;
  readonly root: string;
  /** Where a path of the manifest lies. */
  readonly at: (path: string) => string;
  readonly code: LoadedCode;
  readonly settings: TrainerSettings;
  readonly checkpoint_dir: string;
  /** Of all that changes the target's result and is in the manifest. */
  readonly digest: string;
  readonly options: RunTargetOptions;
}
