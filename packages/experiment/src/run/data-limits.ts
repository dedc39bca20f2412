import type { LoweredExperimentTarget } from "@vrx/manifest";
import type { DataLimits } from "../data/check-values.js";

/** What the system and the objective of a target can take of its data. */
export function dataLimits({ system, objective }: Pick<LoweredExperimentTarget, "system" | "objective">): DataLimits {
  const ignore_index =
    objective.impl === null && "ignore_index" in objective.config ? objective.config.ignore_index : null;
  const none = { vocab_size: null, classes: null, ignore_index };
  if (system.impl !== null) return none;
  switch (system.ref) {
    case "system.language_model":
    case "system.generic": {
      const { embedder, topology } = system.config.model;
      const last = topology.layers.at(-1);
      const classes = last?.type === "LinearLayer" ? last.d_out : null;
      return { ...none, vocab_size: embedder.type === "token" ? embedder.vocab_size : null, classes };
    }
    case "system.mlp_classifier":
    case "system.gcn":
      return { ...none, classes: system.config.n_classes };
    case "system.graph":
    case "system.diffusion_denoiser":
      return none;
  }
}
