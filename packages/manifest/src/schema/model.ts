import {
  type Infer,
  type InferInput,
  boolean,
  defaulted,
  exactly,
  nonNegativeNumber,
  object,
  oneOf,
  optional,
  positiveInteger,
  probability,
  refined,
  required,
  tagged,
} from "../internal/schema.js";
import { modelComplaints } from "../internal/check-model.js";
import { topologySchema } from "./topologies.js";

export const embedderSchemas = {
  none: object("none embedder", { type: required(exactly("none"), "") }),
  token: object("token embedder", {
    type: required(exactly("token"), ""),
    vocab_size: required(positiveInteger, "Rows of the table: ids are below."),
    d_model: required(positiveInteger, "Width of a row."),
  }),
  patch: refined(
    object("patch embedder", {
      type: required(exactly("patch"), ""),
      image_size: required(positiveInteger, "Height and width of the images.", ["img_size"]),
      patch_size: required(positiveInteger, "Height and width of a patch."),
      in_channels: defaulted(positiveInteger, 3, "Channels of the images."),
      d_model: required(positiveInteger, "Width that each patch is mapped to."),
    }),
    ({ image_size, patch_size }, report) => {
      if (image_size % patch_size !== 0)
        report({
          code: "does_not_fit",
          path: ["patch_size"],
          expected: `a divisor of image_size, which is ${image_size}`,
          found: String(patch_size),
        });
    },
  ),
} as const;

export const embedderSchema = tagged("type", "an embedder", embedderSchemas);

export const diffusionHead = object("DiffusionHead", {
  enabled: defaulted(boolean(), false, "Whether there is one."),
  num_train_timesteps: defaulted(positiveInteger, 1000, "Levels of noise."),
  num_infer_steps: defaulted(positiveInteger, 12, "Steps from noise to a sample."),
  time_embed_dim: defaulted(positiveInteger, 128, "Width of the embedding of a level."),
  mlp_mult: defaulted(positiveInteger, 4, "Inner width as a multiple of d_model."),
  cfg_dropout_p: defaulted(probability, 0.1, "Probability with which the condition is dropped while training."),
  cfg_guidance_scale: defaulted(nonNegativeNumber, 1.5, "How far samples are pushed towards the condition."),
  scheduler: defaulted(oneOf(["ddim", "ddpm", "dpm"]), "ddim", "How samples are drawn."),
  loss_weight: defaulted(nonNegativeNumber, 0.1, "Weight of its loss in the objective."),
});

export const modelSchema = refined(
  object("model", {
    type: required(
      oneOf(["TransformerModel", "GPTModel", "ViTModel", "MLPModel"], {
        transformer: "TransformerModel",
        gpt: "GPTModel",
        vit: "ViTModel",
        mlp: "MLPModel",
      }),
      "A label: all are built alike.",
    ),
    embedder: defaulted(embedderSchema, { type: "none" }, "Turns ids or images into vectors."),
    topology: required(topologySchema, "The layers."),
    diffusion_head: optional(diffusionHead, "A head that denoises the embeddings of the next tokens."),
    tied_embeddings: defaulted(
      boolean(),
      true,
      "Whether a stream that ends with the embedder's width is multiplied by its table.",
    ),
    pooling: defaulted(
      oneOf(["none", "mean", "first"]),
      "none",
      "One vector of all positions: their mean, or the first; after the topology.",
    ),
    target_params: optional(positiveInteger, "Widths, heads and depth are chosen for this many parameters."),
    block_size: optional(positiveInteger, "Length of texts for that choice; 2048 when missing."),
  }),
  (model, report) => modelComplaints(model).forEach(report),
);

export type Embedder = Infer<typeof embedderSchema>;
export type TokenEmbedder = Infer<typeof embedderSchemas.token>;
export type PatchEmbedder = Infer<typeof embedderSchemas.patch>;
export type DiffusionHead = Infer<typeof diffusionHead>;
/** A model with all its fields. */
export type Model = Infer<typeof modelSchema>;
export type ModelInput = InferInput<typeof modelSchema>;
