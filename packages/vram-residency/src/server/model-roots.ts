import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { VramResidencyError } from "../errors.js";

/**
 * The real path of a model file, where it lies below one of the folders that models may come from; links are followed
 * first. Throws `invalid_input` for one that lies elsewhere, without telling whether it exists.
 */
export async function resolveModelPath(path: string, roots: readonly string[]): Promise<string> {
  if (path.includes("\0")) throw outside(path);
  for (const root of roots) {
    let folder: string;
    let file: string;
    try {
      folder = await realpath(root);
      file = await realpath(resolve(folder, path));
    } catch {
      continue;
    }
    const below = relative(folder, file);
    if (below !== "" && below !== ".." && !below.startsWith(`..${sep}`) && !isAbsolute(below)) return file;
  }
  throw outside(path);
}

function outside(path: string): VramResidencyError {
  const shown = JSON.stringify(path.slice(0, 120));
  return new VramResidencyError(
    "invalid_input",
    `${shown} is no file below the folders that models may come from (model roots)`,
  );
}
