import type { AddBlocker } from "../blocker.js";
import type { BackendCapabilities, CustomPlace, HostFacts } from "../host-facts.js";
import type { FieldUse } from "../manifest-fields.js";
import type { PlannedExperiment } from "../plan-manifest.js";

/** Code of the user's that the backend has no place for, or that is not there. */
export function customBlockers(
  { data, system, objective, trainer, metrics }: PlannedExperiment["lowered"],
  backend: string,
  { custom = {} }: BackendCapabilities,
  host: HostFacts,
  add: AddBlocker,
): void {
  const uses: { readonly place: CustomPlace; readonly symbol: string; readonly path: readonly PropertyKey[] }[] = [];
  for (const [place, { impl }] of Object.entries({ data, system, objective, trainer } as const)) {
    if (impl !== null) uses.push({ place: place as CustomPlace, symbol: impl, path: [place, "impl"] });
  }
  for (const [index, { impl }] of metrics.entries()) {
    if (impl !== null) uses.push({ place: "metric", symbol: impl, path: ["metrics", index, "impl"] });
  }
  if (system.impl === null && system.ref === "system.graph") {
    for (const [index, node] of system.config.topology.layers.entries()) {
      if (node.kind === "symbol")
        uses.push({ place: "op", symbol: node.op, path: ["system", "config", "topology", "layers", index, "op"] });
    }
  }
  for (const { place, symbol, path } of uses) {
    const language = symbol.startsWith("js:") ? "js" : "python";
    const taken = custom[place] ?? [];
    if (!taken.includes(language)) {
      add({
        code: "not_honoured",
        path,
        message: `the backend ${backend} does not run ${symbol} as ${place}`,
        fix:
          taken.length === 0
            ? `a built-in ${place}, or another backend (--backend)`
            : `the same in ${taken.join(" or ")}, or another backend (--backend)`,
      });
      continue;
    }
    const file = /^js:(.+)#[^#]*$/.exec(symbol)?.[1];
    if (file !== undefined && !host.exists(file))
      add({
        code: "code_missing",
        path,
        message: `the file of ${symbol} is not there`,
        fix: "write the path of a file here",
      });
  }
}

/** Every kind and field that the backend would take and not honour. */
export function honourBlockers(
  uses: readonly FieldUse[],
  backend: string,
  { kinds }: BackendCapabilities,
  add: AddBlocker,
): void {
  const told = new Set<string>();
  for (const { kind, field, value, isDefault, path } of uses) {
    const keys = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (keys === undefined) {
      // Once for each kind: a model has the same layer many times.
      if (told.has(kind)) continue;
      told.add(kind);
      add({
        code: "not_honoured",
        path: path.slice(0, -1),
        message: `the backend ${backend} does not run ${kind}`,
        fix: "another backend (--backend), or take it out",
      });
      continue;
    }
    if (isDefault || keys === "all") continue;
    const honoured = Object.hasOwn(keys, field) ? keys[field] : keys["*"];
    if (honoured === "any" || honoured?.some((one) => one === value) === true) continue;
    const text = JSON.stringify(value).slice(0, 60);
    const key = `${kind}.${field}=${text}`;
    if (told.has(key)) continue;
    told.add(key);
    const others =
      honoured === undefined || honoured.length === 0
        ? ""
        : ` (it honours ${honoured.map((one) => JSON.stringify(one)).join(", ")})`;
    add({
      code: "not_honoured",
      path,
      message: `the backend ${backend} does not honour ${field}: ${text} of ${kind}${others}`,
      fix: `take ${field} out, or use another backend (--backend)`,
    });
  }
}
