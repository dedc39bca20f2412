export { type Infer, type InferInput, type JsonSchema, type Schema, Definitions, invalid } from "./schema/schema.js";
export { type Complaint, Context } from "./schema/context.js";
export {
  anything,
  boolean,
  exactly,
  naturalNumber,
  nonNegativeNumber,
  number,
  oneOf,
  positiveInteger,
  positiveNumber,
  probability,
  seedNumber,
  string,
  wholeNumber,
} from "./schema/scalars.js";
export { listOf, mapOf, pairOf } from "./schema/collections.js";
export { type AnyField, defaulted, object, optional, required } from "./schema/objects.js";
export { lazy, tagged, wordOr } from "./schema/unions.js";
export { mapped, refined } from "./schema/refinements.js";
