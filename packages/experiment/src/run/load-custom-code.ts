import type { LoweredExperimentTarget } from "@vrx/manifest";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { DataFile } from "../data/dataset.js";
import { readWhole } from "../data/files.js";
import { ExperimentError } from "../errors.js";
import type { CustomOp } from "../layers/graph-topology.js";
import type { CustomObjective } from "../system/apply-objective.js";
import type { CustomSystem } from "../system/apply-system.js";

/** Functions of the user's that a target names, by what it calls them. */
export interface LoadedCode {
  readonly ops: ReadonlyMap<string, CustomOp>;
  readonly systems: ReadonlyMap<string, CustomSystem>;
  readonly objectives: ReadonlyMap<string, CustomObjective>;
  /** The files they are in: what these say is part of the experiment, what they import is not looked at. */
  readonly files: readonly DataFile[];
}

/**
 * Imports every `js:./file.mjs#Export` of a target. Rejects with `missing_file` or `missing_key` where it is not there,
 * `invalid_file` where it cannot be loaded, `unsupported` for `python:` symbols.
 */
export async function loadCustomCode(target: LoweredExperimentTarget, root: string): Promise<LoadedCode> {
  const ops = new Map<string, CustomOp>();
  const systems = new Map<string, CustomSystem>();
  const objectives = new Map<string, CustomObjective>();
  const files = new Map<string, DataFile>();
  const { system, objective } = target;
  const load = async (symbol: string): Promise<unknown> => {
    const { found, file } = await functionOf(symbol, root);
    files.set(file.path, file);
    return found;
  };
  if (system.impl !== null) systems.set(system.impl, (await load(system.impl)) as CustomSystem);
  else if (system.ref === "system.graph") {
    for (const node of system.config.topology.layers) {
      if (node.kind === "symbol") ops.set(node.op, (await load(node.op)) as CustomOp);
    }
  }
  if (objective.impl !== null) objectives.set(objective.impl, (await load(objective.impl)) as CustomObjective);
  return { ops, systems, objectives, files: [...files.values()] };
}

async function functionOf(symbol: string, root: string): Promise<{ readonly found: unknown; readonly file: DataFile }> {
  const [, path, name] = /^js:(.+)#([\w$]+)$/.exec(symbol) ?? [];
  if (path === undefined || name === undefined) {
    throw new ExperimentError(
      "unsupported",
      `${symbol}: only js:./file.mjs#Export runs here; python: symbols need a worker`,
    );
  }
  const at = isAbsolute(path) ? path : resolve(root, path);
  const { file } = await readWhole(at).catch((cause: unknown) => {
    throw new ExperimentError("missing_file", `${symbol}: ${at} cannot be read`, { cause });
  });
  const module = (await import(pathToFileURL(at).href).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ExperimentError("invalid_file", `${symbol}: ${at} cannot be loaded: ${reason}`, { cause });
  })) as Readonly<Record<string, unknown>>;
  const found = module[name];
  if (typeof found === "function") return { found, file };
  throw new ExperimentError(
    "missing_key",
    `${symbol}: ${at} exports no function ${name}; it exports ${Object.keys(module).join(", ") || "nothing"}`,
  );
}
