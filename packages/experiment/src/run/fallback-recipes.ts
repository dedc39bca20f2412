import type { LoweredExperimentTarget } from "@vrx/manifest";
import type { Recipes } from "../data/open-dataset.js";

/** How data is generated that has no recipe in the manifest: small, and of the sizes the system takes. */
export function fallbackRecipes({ system }: Pick<LoweredExperimentTarget, "system">): Partial<Recipes> {
  const seed = 0;
  const tokens = (vocab_size: number): Pick<Recipes, "tokens"> => ({
    tokens: { type: "generate", kind: "markov", vocab_size, tokens: 262_144, order: 1, branching: 4, seed },
  });
  if (system.impl !== null) return tokens(256);
  switch (system.ref) {
    case "system.language_model":
    case "system.generic": {
      const { embedder } = system.config.model;
      if (embedder.type === "token") return tokens(embedder.vocab_size);
      if (embedder.type !== "patch") return {};
      const { in_channels, image_size } = embedder;
      const shape = [in_channels, image_size, image_size];
      const last = system.config.model.topology.layers.at(-1);
      const classes = last !== undefined && "d_out" in last ? last.d_out : 10;
      return { classes: { type: "generate", samples: 2048, shape, classes, spread: 6, seed } };
    }
    case "system.mlp_classifier": {
      const { d_in, n_classes } = system.config;
      return { classes: { type: "generate", samples: 4096, shape: [d_in], classes: n_classes, spread: 4, seed } };
    }
    case "system.gcn": {
      const { d_in, n_classes } = system.config;
      return {
        graph: {
          type: "generate",
          nodes: 512,
          features: d_in,
          classes: n_classes,
          edges_inside: 6,
          edges_outside: 1,
          spread: 2,
          seed,
        },
      };
    }
    case "system.diffusion_denoiser":
      return { mixture: { type: "generate", samples: 4096, d: system.config.d_in, modes: 8, spread: 4, seed } };
    case "system.graph":
      return {};
  }
}
