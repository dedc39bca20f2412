import { parseManifest, lowerManifest, type Layer, type System, type Train } from "@vrx/manifest";
import type { SystemSpec } from "../../src/system/build-system.js";

/** A language model of these mixers, as a manifest would describe it, with its defaults filled in. */
export function languageModel(
  layers: readonly (Partial<Layer> & { readonly type: string })[],
  { vocab = 17, d_model = 16 } = {},
): { spec: SystemSpec; train: Train } {
  const manifest = {
    version: 2,
    defaults: {},
    targets: [
      {
        type: "experiment",
        name: "t",
        backend: "jax",
        task: "task.language_modeling",
        data: { ref: "dataset.random_tokens", config: { vocab_size: vocab, block_size: 8 } },
        system: {
          ref: "system.language_model",
          config: {
            model: {
              type: "TransformerModel",
              embedder: { type: "token", vocab_size: vocab, d_model },
              tied_embeddings: false,
              topology: {
                type: "StackedTopology",
                layers: [
                  ...layers.map((layer) => ({
                    type: "ResidualTopology",
                    layers: [{ type: "RMSNormLayer", d_model }, layer],
                  })),
                  { type: "LinearLayer", d_in: d_model, d_out: vocab },
                ],
              },
            },
          },
        },
        objective: "objective.next_token_ce",
        trainer: "trainer.standard",
        runs: [
          { id: "r", mode: "train", steps: 1, train: { phase: "standard", batch_size: 2, block_size: 8, lr: 0.01 } },
        ],
      },
    ],
  };
  const target = lowerManifest(parseManifest(JSON.stringify(manifest))).targets[0]!;
  if (target.type !== "experiment") throw new Error("no experiment");
  const { objective, runs } = target;
  const system: System = target.system;
  return { spec: { system, objective }, train: runs[0]!.train };
}
