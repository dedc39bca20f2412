import { type LoweredExperimentTarget, type LoweredManifest, lowerManifest, parseManifest } from "@vrx/manifest";

/** A small language model on a generated text, with whatever a test changes. */
export function smallExperiment(
  change: {
    readonly name?: string;
    readonly steps?: number;
    readonly verify?: unknown;
    readonly benchmarks?: unknown;
    readonly expected?: unknown;
    readonly train?: object;
    readonly trainer?: unknown;
    readonly logging?: object;
    readonly layers?: readonly object[];
  } = {},
): { manifest: LoweredManifest; target: LoweredExperimentTarget; text: string } {
  const { name = "small", steps = 4 } = change;
  const d_model = 8;
  const document = {
    version: 2,
    name,
    defaults: {
      data: { val_frac: 0.2 },
      logging: { wandb: false, instrument: "plain", eval_iters: 4, ...change.logging },
      runtime: { save_every: 5 },
    },
    targets: [
      {
        type: "experiment",
        name: "t",
        backend: "jax",
        task: "task.language_modeling",
        data: {
          ref: "dataset.tokens",
          config: {
            path: "data/t.npy",
            block_size: 16,
            prepare: { type: "generate", vocab_size: 12, tokens: 1200, branching: 3, seed: 1 },
          },
        },
        system: {
          ref: "system.language_model",
          config: {
            model: {
              type: "TransformerModel",
              embedder: { type: "token", vocab_size: 12, d_model },
              tied_embeddings: false,
              topology: {
                type: "StackedTopology",
                layers: change.layers ?? [
                  {
                    type: "ResidualTopology",
                    layers: [
                      { type: "RMSNormLayer", d_model },
                      { type: "AttentionLayer", d_model, n_heads: 2, dropout_p: 0.1 },
                    ],
                  },
                  { type: "LinearLayer", d_in: d_model, d_out: 12 },
                ],
              },
            },
          },
        },
        objective: "objective.next_token_ce",
        trainer: change.trainer ?? "trainer.standard",
        runs: [
          {
            id: "r",
            mode: "train",
            seed: 5,
            steps,
            ...(change.expected === undefined ? {} : { expected: change.expected }),
            ...(change.verify === undefined ? {} : { verify: change.verify }),
            train: {
              phase: "standard",
              batch_size: 4,
              block_size: 16,
              lr: 0.01,
              telemetry_interval: 2,
              ...change.train,
            },
          },
        ],
        ...(change.benchmarks === undefined ? {} : { benchmarks: change.benchmarks }),
      },
    ],
  };
  const manifest = lowerManifest(parseManifest(JSON.stringify(document)));
  const target = manifest.targets[0]!;
  if (target.type !== "experiment") throw new Error("no experiment");
  return { manifest, target, text: JSON.stringify(document) };
}

/** A trainer that stops early for nothing and keeps no best checkpoint. */
export const plainTrainer = {
  checkpoint_dir: null,
  resume_from: null,
  early_stopping_patience: null,
  early_stopping_min_delta: 0,
  keep_best: false,
};
