import { openDataset, openJaxEngine, runTraining } from "@vrx/experiment";
import { type LoweredExperimentTarget, lowerManifest, parseManifest } from "@vrx/manifest";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Sizes, bareLanguageModel } from "./bare-language-model.js";
import type { Row } from "./row.js";

const sizes: Sizes = {
  layers: 2,
  d_model: 64,
  n_heads: 4,
  d_ff: 128,
  vocab_size: 256,
  batch_size: 8,
  block_size: 64,
};
const lr = 0.001;
const warmUpSteps = 5;
const timedSteps = 100;

/** Being a trainer may cost a tenth of a step. */
const floor_ratio = 1.1;
const aim_ms = 40;

/**
 * What a step of a small language model costs when a manifest describes it, beside the same model and optimiser written
 * by hand over the same arithmetic. The two take turns step by step, so that whatever else the machine does meets both.
 */
export async function run(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "vrx-bench-"));
  try {
    const target = languageModel();
    const [trained] = target.runs;
    if (trained === undefined) throw new Error("the manifest has a run");
    const dataset = await openDataset(target.data, { root: folder, val_frac: 0.1 });
    const bare = bareLanguageModel(sizes, lr);
    const times: { trainer: number[]; bare: number[] } = { trainer: [], bare: [] };
    let place = 0;
    await runTraining({
      engine: await openJaxEngine(),
      spec: target,
      run: trained,
      dataset,
      trainer: {
        checkpoint_dir: null,
        resume_from: null,
        early_stopping_patience: null,
        early_stopping_min_delta: 0,
        keep_best: false,
      },
      checkpoint_dir: folder,
      config_digest: "bench",
      save_every: warmUpSteps + timedSteps + 1,
      eval_every: 0,
      onStep: (_, time_s) => {
        const began = performance.now();
        const { input_ids, target_ids } = dataset.trainBatch(trained.seed, place++, sizes.batch_size);
        if (!(input_ids?.data instanceof Int32Array) || !(target_ids?.data instanceof Int32Array)) {
          throw new Error("a batch of text has input_ids and target_ids");
        }
        bare(input_ids.data, target_ids.data);
        times.bare.push(performance.now() - began);
        times.trainer.push(1000 * time_s);
      },
    });
    const [trainer, hand] = [best(times.trainer.slice(warmUpSteps)), best(times.bare.slice(warmUpSteps))];
    return [
      {
        name: "a step of a 2-layer language model, trained",
        value: trainer,
        unit: "ms",
        baseline: { name: "by hand over @jax-js/jax", value: hand },
        ratio: trainer / hand,
        aim: aim_ms,
        floor: hand * floor_ratio,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function languageModel(): LoweredExperimentTarget {
  const { layers, d_model, n_heads, d_ff, vocab_size, batch_size, block_size } = sizes;
  const residual = (layer: object): object => ({
    type: "ResidualTopology",
    layers: [{ type: "RMSNormLayer", d_model }, layer],
  });
  const model = {
    type: "TransformerModel",
    embedder: { type: "token", vocab_size, d_model },
    tied_embeddings: false,
    topology: {
      type: "StackedTopology",
      layers: [
        {
          type: "NestedTopology",
          repeat: layers,
          layers: [
            residual({ type: "AttentionLayer", d_model, n_heads }),
            residual({ type: "SwiGLULayer", d_model, d_ff, bias: false }),
          ],
        },
        { type: "RMSNormLayer", d_model },
        { type: "LinearLayer", d_in: d_model, d_out: vocab_size, bias: false },
      ],
    },
  };
  const document = {
    version: 2,
    defaults: {},
    targets: [
      {
        type: "experiment",
        name: "bench",
        backend: "jax",
        task: "task.language_modeling",
        data: { ref: "dataset.random_tokens", config: { vocab_size, block_size } },
        system: { ref: "system.language_model", config: { model } },
        objective: "objective.next_token_ce",
        trainer: "trainer.standard",
        runs: [
          {
            id: "r",
            mode: "train",
            steps: warmUpSteps + timedSteps,
            train: { phase: "standard", batch_size, block_size, lr },
          },
        ],
      },
    ],
  };
  const [target] = lowerManifest(parseManifest(JSON.stringify(document))).targets;
  if (target?.type !== "experiment") throw new Error("the manifest has an experiment");
  return target;
}

/** Whatever else a machine does only adds to a step. */
function best(values: readonly number[]): number {
  return Math.min(...values);
}
