import type { ExperimentTarget } from "./schema/manifest.js";

/** Which values of a key are honoured: any, or these. Its default always is. */
export type HonouredValues = "any" | readonly (string | number | boolean | null)[];

/**
 * What a backend does: plain data, so that it can be stored, sent and compared. For each object that it runs, by the
 * names of {@link fieldsOf} (`AttentionLayer`, `train`, `trainer.standard`, `verify eval`, `Conv2d`), the keys that it
 * honours: all of them, or those named, where `*` stands for every other key. A key that is not honoured may only have
 * its default; keys without a default are honoured by whatever runs their object.
 */
export interface BackendCapabilities {
  readonly kinds: Readonly<Record<string, "all" | Readonly<Record<string, HonouredValues>>>>;
  /** In which languages code of the user's may stand in a place; a place that is not here takes none. */
  readonly custom?: Readonly<Partial<Record<CustomPlace, readonly ("js" | "python")[]>>>;
}

/** Where a manifest may name code of the user's (`js:./file.mjs#Export`, `python:module:Symbol`). */
export type CustomPlace = "data" | "system" | "objective" | "trainer" | "metric" | "op";

/** A backend on a host: what it does, or why it is not there and what to do. */
export type HostBackend =
  | { readonly status: "available"; readonly devices: readonly string[]; readonly capabilities: BackendCapabilities }
  | { readonly status: "unavailable"; readonly reason: string; readonly fix: string };

/** What has to be known of a host to say what will not run there. */
export interface HostFacts {
  /** Backends by name; one that is not here is unavailable. */
  readonly backends: Readonly<Partial<Record<ExperimentTarget["backend"], HostBackend>>>;
  /** Memory that a run may use on the CPU; null: nobody knows. */
  readonly memory_bytes: number | null;
  /** Whether the network may be used. */
  readonly network: boolean;
  /** Whether data that can be generated will be (`--data generate`). */
  readonly generate_data: boolean;
  /** Whether there is a file or folder. */
  readonly exists: (path: string) => boolean;
  /** Whether a tokenizer of that name can be made here. */
  readonly hasTokenizer: (name: string) => boolean;
  /** Types of processes that can run. */
  readonly processes: readonly string[];
}
