import type { LoweredExperimentTarget } from "@vrx/manifest";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ExperimentError } from "../errors.js";
import type { CustomOp } from "../layers/graph-topology.js";
import type { CustomObjective } from "../system/apply-objective.js";
import type { CustomSystem } from "../system/apply-system.js";

/** Functions of the user's that a target names, by what it calls them. */
export interface LoadedCode {
  readonly ops: ReadonlyMap<string, CustomOp>;
  readonly systems: ReadonlyMap<string, CustomSystem>;
  readonly objectives: ReadonlyMap<string, CustomObjective>;
}

/** Imports every `js:./file.mjs#Export` of a target. Rejects with `missing_file` or `missing_key` where it is not there. */
export async function loadCustomCode(target: LoweredExperimentTarget, root: string): Promise<LoadedCode> {
  const ops = new Map<string, CustomOp>();
  const systems = new Map<string, CustomSystem>();
  const objectives = new Map<string, CustomObjective>();
  const { system, objective } = target;
  if (system.impl !== null) systems.set(system.impl, (await functionOf(system.impl, root)) as CustomSystem);
  else if (system.ref === "system.graph") {
    for (const node of system.config.topology.layers) {
      if (node.kind === "symbol") ops.set(node.op, (await functionOf(node.op, root)) as CustomOp);
    }
  }
  if (objective.impl !== null)
    objectives.set(objective.impl, (await functionOf(objective.impl, root)) as CustomObjective);
  return { ops, systems, objectives };
}

async function functionOf(symbol: string, root: string): Promise<unknown> {
  const [, path, name] = /^js:(.+)#([\w$]+)$/.exec(symbol) ?? [];
  if (path === undefined || name === undefined) {
    throw new ExperimentError(
      "unsupported",
      `${symbol}: only js:./file.mjs#Export runs here; python: symbols need a worker`,
    );
  }
  const file = isAbsolute(path) ? path : resolve(root, path);
  const module = (await import(pathToFileURL(file).href).catch((cause: unknown) => {
    throw new ExperimentError("missing_file", `${symbol}: ${file} cannot be loaded`, { cause });
  })) as Readonly<Record<string, unknown>>;
  const found = module[name];
  if (typeof found === "function") return found;
  throw new ExperimentError(
    "missing_key",
    `${symbol}: ${file} exports no function ${name}; it exports ${Object.keys(module).join(", ")}`,
  );
}
