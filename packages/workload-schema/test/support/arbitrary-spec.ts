import fc from "fast-check";
import { type SpecInteger, type WorkloadSpec, precisions, ptrDtypes } from "../../src/index.js";

function integers(minimum: number): fc.Arbitrary<SpecInteger> {
  return fc.oneof(
    fc.integer({ min: minimum, max: 1 << 20 }),
    fc.maxSafeInteger().map((value) => Math.max(minimum, Math.abs(value))),
    fc.bigInt({ min: BigInt(minimum), max: 10n ** 40n }),
  );
}

const labels = { name: fc.anything(), notes: fc.anything() };

/** Every kind of valid spec. */
export const specs: fc.Arbitrary<WorkloadSpec<SpecInteger>> = fc.record(
  {
    schema_version: fc.constant("workload_schema_v1" as const),
    ant_spec: fc.record(
      {
        ring_len: integers(1),
        slot_dim: integers(1),
        ptr_dtype: fc.constantFrom(...ptrDtypes),
        precision: fc.constantFrom(...precisions),
        ...labels,
      },
      { requiredKeys: ["ring_len", "slot_dim", "ptr_dtype", "precision"] },
    ),
    colony_spec: fc.record(
      {
        seq_len: integers(1),
        synth_len: integers(1),
        batch_size: integers(1),
        ptr_update_every: integers(1),
        state_loop_samples: integers(0),
        ...labels,
      },
      { requiredKeys: ["seq_len", "synth_len", "batch_size", "ptr_update_every", "state_loop_samples"] },
    ),
    ...labels,
  },
  { requiredKeys: ["schema_version", "ant_spec", "colony_spec"] },
);

/** A valid spec with one value, somewhere, put in another's place, or one key more or less. */
export const nearSpecs: fc.Arbitrary<unknown> = fc
  .tuple(
    specs,
    fc.constantFrom("top" as const, "ant_spec" as const, "colony_spec" as const),
    fc.nat(20),
    fc.oneof(
      fc.anything(),
      fc.constantFrom(
        undefined,
        null,
        0,
        -0,
        -1,
        1.5,
        NaN,
        Infinity,
        2 ** 53,
        0n,
        -1n,
        "8192",
        "fp32",
        " fp32 ",
        "amp",
        true,
        [],
        {},
      ),
    ),
    fc.constantFrom("replace", "remove", "add", "nothing"),
    fc.constantFrom("ring_length", "constructor", "toString", "", "Name", "note", "0"),
  )
  .map(([spec, where, which, value, how, newKey]) => {
    const part: Record<string, unknown> = { ...(where === "top" ? spec : spec[where]) };
    const keys = Object.keys(part);
    const key = keys[which % keys.length]!;
    if (how === "remove") Reflect.deleteProperty(part, key);
    if (how === "replace") part[key] = value;
    if (how === "add") part[newKey] = value;
    return where === "top" ? part : { ...spec, [where]: part };
  });
