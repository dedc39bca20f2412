import { type AnyField, Definitions } from "./internal/schema.js";
import type { LoweredTarget } from "./lower-manifest.js";
import { type Defaults, type Target, manifestSchema } from "./schema/manifest.js";

/** A key of an object in a manifest, and whether it says something else than its default. */
export interface FieldUse {
  /** The object, such as `AttentionLayer`, `train`, `verify compare`, `benchmark latency`, `dataset.tokens config`. */
  readonly kind: string;
  readonly field: string;
  readonly value: unknown;
  /** True where the value is the default, and where the key has none and must be there. */
  readonly isDefault: boolean;
  readonly path: readonly PropertyKey[];
}

/** Every key of every object of a target, lowered or not; the user's own components are not looked into. */
export function fieldsOf(target: Target | LoweredTarget, index = 0): readonly FieldUse[] {
  return usesIn({ targets: [target] }, ([, , ...path]) => ["targets", index, ...path]);
}

/** Every key of the defaults of a manifest. */
export function fieldsOfDefaults(defaults: Defaults): readonly FieldUse[] {
  return usesIn({ defaults }, (path) => path);
}

/** The keys of every object that a manifest can have, by the object's name, as {@link fieldsOf} tells of them. */
export function manifestObjects(): ReadonlyMap<string, readonly string[]> {
  const definitions = new Definitions();
  manifestSchema.json(definitions);
  return new Map([...definitions.objects].map(([name, fields]) => [name, Object.keys(fields)]));
}

function usesIn(
  manifest: object,
  placeOf: (path: readonly PropertyKey[]) => readonly PropertyKey[],
): readonly FieldUse[] {
  const uses: FieldUse[] = [];
  manifestSchema.visit?.(manifest, [], (kind, fields, value, path) => {
    if (kind === "manifest") return;
    const place = placeOf(path);
    for (const [field, description] of Object.entries<AnyField>(fields)) {
      const isDefault = description.need === "required" || sameData(value[field], description.fallback);
      uses.push({ kind, field, value: value[field], isDefault, path: [...place, field] });
    }
  });
  return uses;
}

function sameData(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
