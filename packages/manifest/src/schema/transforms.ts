import {
  type Infer,
  defaulted,
  exactly,
  mapOf,
  nonNegativeNumber,
  object,
  oneOf,
  required,
  tagged,
  wholeNumber,
} from "../internal/schema.js";
import { path } from "./component.js";

/** What may be done to each sample of `dataset.tensors`. */
export const transform = tagged("type", "a transform", {
  rename_keys: object("rename_keys", {
    type: required(exactly("rename_keys"), ""),
    mapping: required(mapOf(path), "New names by the old ones."),
  }),
  cast_dtype: object("cast_dtype", {
    type: required(exactly("cast_dtype"), ""),
    dtypes: required(
      mapOf(oneOf(["float32", "float16", "bfloat16", "int32", "int64", "uint8", "bool"])),
      "Types by key.",
    ),
  }),
  add_mask: object("add_mask", {
    type: required(exactly("add_mask"), ""),
    src_key: defaulted(path, "targets", "What is looked at."),
    mask_key: defaulted(path, "mask", "Where the mask goes."),
    ignore_index: defaulted(wholeNumber, -100, "The value that is masked."),
  }),
  token_shift: object("token_shift", {
    type: required(exactly("token_shift"), ""),
    src: defaulted(path, "tokens", "What is split into inputs and targets, one step apart."),
  }),
  gaussian_noise: object("gaussian_noise", {
    type: required(exactly("gaussian_noise"), ""),
    src: defaulted(path, "inputs", "What noise is added to."),
    out: defaulted(path, "noisy", "Where the sum goes."),
    sigma: defaulted(nonNegativeNumber, 1, "Standard deviation of the noise."),
  }),
  graph_batch: object("graph_batch", { type: required(exactly("graph_batch"), "") }),
});

export type Transform = Infer<typeof transform>;
