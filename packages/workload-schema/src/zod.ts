import { z } from "zod";
import { maxDigits } from "./internal/flaw.js";
import { precisions, ptrDtypes, schemaVersion } from "./knobs.js";
import type { AntSpec, ColonySpec, SpecInteger, WorkloadSpec } from "./workload-spec.js";

/** A safe `number` or a `bigint`, from a minimum on. */
function integer(minimum: number): z.ZodType<SpecInteger, SpecInteger> {
  return z.union([
    z.int().min(minimum),
    z
      .bigint()
      .min(BigInt(minimum))
      .lt(10n ** BigInt(maxDigits)),
  ]);
}

const labels = { name: z.unknown().optional(), notes: z.unknown().optional() };

/** Shape and precision, as strict as the reader: unknown keys are refused, nothing is coerced. */
export const antSpecZod: z.ZodType<AntSpec<SpecInteger>, AntSpec<SpecInteger>> = z.strictObject({
  ring_len: integer(1),
  slot_dim: integer(1),
  ptr_dtype: z.enum(ptrDtypes),
  precision: z.enum(precisions),
  ...labels,
});

/** Workload and cadence, as strict as the reader: unknown keys are refused, nothing is coerced. */
export const colonySpecZod: z.ZodType<ColonySpec<SpecInteger>, ColonySpec<SpecInteger>> = z.strictObject({
  seq_len: integer(1),
  synth_len: integer(1),
  batch_size: integer(1),
  ptr_update_every: integer(1),
  state_loop_samples: integer(0),
  ...labels,
});

/**
 * A whole spec as a zod 4 schema: takes the values that `readWorkloadSpec` gives and `computeWorkloadId` takes. For
 * texts use `readWorkloadSpec`: after `JSON.parse`, `8192.0` and lost digits cannot be told from integers.
 */
export const workloadSpecZod: z.ZodType<WorkloadSpec<SpecInteger>, WorkloadSpec<SpecInteger>> = z.strictObject({
  schema_version: z.literal(schemaVersion),
  ant_spec: antSpecZod,
  colony_spec: colonySpecZod,
  ...labels,
});

/**
 * The JSON Schema (draft 2020-12) of a spec, for editors and other languages; also published as
 * `@vrx/workload-schema/schema.json`. To JSON Schema `8192.0` is an integer, to the reader it is not.
 */
export function workloadSpecJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(workloadSpecZod, {
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      // JSON has one kind of integer: what is left of the union with bigint.
      const [first] = jsonSchema.anyOf ?? [];
      if (first?.type !== "integer") return;
      delete jsonSchema.anyOf;
      Object.assign(jsonSchema, { type: "integer", minimum: first.minimum });
    },
  });
  return { $schema, $id: schemaId, title: "GPU workload, workload_schema_v1", ...schema };
}

const schemaId = "https://unpkg.com/@vrx/workload-schema/schema/workload_schema_v1.schema.json";
