import { targetName } from "./internal/check-targets.js";
import { nearest } from "./internal/nearest.js";
import type { Target } from "./schema/manifest.js";

/** Which target is meant, or why none is. */
export type ResolvedTarget<T extends Pick<Target, "name"> = Target> =
  | { readonly status: "ok"; readonly target: T; readonly index: number }
  | { readonly status: "not_found"; readonly message: string; readonly suggestion?: string };

/**
 * The target that `name` means: an entrypoint's (one step only), or the one of that name, also written `target:name`,
 * `experiment:name` or `process:name`. Without a name: the entrypoint `default`, else the first target.
 */
export function resolveTarget<T extends Pick<Target, "name">>(
  manifest: { readonly targets: readonly T[]; readonly entrypoints: Readonly<Record<string, string>> },
  name?: string,
): ResolvedTarget<T> {
  const { targets, entrypoints } = manifest;
  const asked = name ?? (Object.hasOwn(entrypoints, "default") ? "default" : targets[0]?.name);
  if (asked === undefined) return { status: "not_found", message: "Manifest has no runnable targets." };
  const word = asked.trim();
  const meant = targetName(Object.hasOwn(entrypoints, word) ? (entrypoints[word] ?? "") : word);
  const index = targets.findIndex((target) => target.name === meant);
  const target = targets[index];
  if (target !== undefined) return { status: "ok", target, index };
  const known = [...Object.keys(entrypoints), ...targets.map((one) => one.name)];
  const suggestion = nearest(meant, known.slice(0, 200));
  const others =
    suggestion === undefined ? `there are ${known.slice(0, 20).join(", ")}` : `did you mean ${suggestion}?`;
  const message = `Target '${meant}' not found in manifest; ${others}`;
  return { status: "not_found", message, ...(suggestion === undefined ? {} : { suggestion }) };
}
