import { ManifestError } from "./errors.js";
import { canonicalJson } from "./internal/canonical-json.js";
import { sha256Hex } from "./internal/sha256.js";
import type { LoweredManifest } from "./lower-manifest.js";

/**
 * SHA-256 (64 hexadecimal digits) of what a lowered manifest says to do: its version, defaults and targets as JSON with
 * sorted keys. Names, notes, descriptions, entrypoints, folders of results and how progress is shown are left out; they
 * change no result. With `target`, of that target alone. Two texts that mean the same have the same digest.
 */
export function manifestDigest(lowered: LoweredManifest, { target }: { readonly target?: string } = {}): string {
  const { version, defaults, targets } = lowered;
  const chosen = target === undefined ? targets : targets.filter(({ name }) => name === target);
  if (chosen.length === 0)
    throw new ManifestError("invalid_argument", `expected the name of a target, found ${JSON.stringify(target)}`);
  const {
    data,
    logging: { eval_iters },
    runtime,
  } = defaults;
  const content = {
    version,
    defaults: { data, logging: { eval_iters }, runtime },
    targets: chosen.map((one) => ({ ...one, description: "" })),
  };
  return sha256Hex(canonicalJson(content));
}
