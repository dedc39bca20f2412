import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { readJsonText } from "@vrx/ant-ratio";
import { type JsonObject, canonicalJson, isJsonObject, prettyJson } from "@vrx/objective-contract";
import { writeDurably } from "../store/durable.js";

/**
 * Remembers at which batch a configuration ran out of memory. More samples never take less memory, so every larger batch
 * is known to fail as well.
 */
export interface BatchLimits {
  /** The smallest batch known to run out of memory; null where none is. */
  lowestOom(key: string): Promise<number | null>;
  learnOom(key: string, batch: number): Promise<void>;
}

/** The key of everything that decides about memory but the batch: 64 digits of a SHA-256 over canonical JSON. */
export function limitKey(facts: JsonObject): string {
  return createHash("sha256").update("vrx.batch-limit.v1\n").update(canonicalJson(facts)).digest("hex");
}

/** Limits that last as long as this process. */
export function memoryLimits(): BatchLimits {
  const known = new Map<string, number>();
  return {
    lowestOom: (key) => Promise.resolve(known.get(key) ?? null),
    learnOom(key, batch) {
      known.set(key, Math.min(batch, known.get(key) ?? Infinity));
      return Promise.resolve();
    },
  };
}

const SCHEMA = "vrx_batch_limits_v1";

/**
 * Limits in a file, written whole or not at all. A file that is not readable as one counts as empty and is replaced: it
 * holds nothing that cannot be learnt again.
 */
export function fileLimits(file: string): BatchLimits {
  const load = async (): Promise<Map<string, number>> => {
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return new Map();
      throw error;
    }
    const read = readJsonText(text);
    if (read.status === "invalid" || !isJsonObject(read.json)) return new Map();
    const { schema_version, lowest_oom_batch = null } = read.json;
    if (schema_version !== SCHEMA || !isJsonObject(lowest_oom_batch)) return new Map();
    return new Map(
      Object.entries(lowest_oom_batch).flatMap(([key, batch]) =>
        typeof batch === "number" && Number.isSafeInteger(batch) && batch >= 1 ? [[key, batch] as const] : [],
      ),
    );
  };
  return {
    lowestOom: async (key) => (await load()).get(key) ?? null,
    async learnOom(key, batch) {
      const known = await load();
      known.set(key, Math.min(batch, known.get(key) ?? Infinity));
      await mkdir(dirname(file), { recursive: true });
      await writeDurably(file, prettyJson({ schema_version: SCHEMA, lowest_oom_batch: Object.fromEntries(known) }));
    },
  };
}
