import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { CudaError } from "./errors.js";
import { type AddonFunctions, addonFunctionNames } from "./internal/addon-functions.js";
import { translateErrors } from "./internal/translate-errors.js";

/**
 * The native addon, or why there is none. `not_found`: no binary for this platform was built or shipped; `broken`:
 * there is one, and it cannot be loaded. `fix` says what to do. That it is loaded says nothing of a driver.
 */
export type AddonLoad =
  | { readonly status: "loaded"; readonly file: string; readonly origin: "built" | "prebuilt" }
  | {
      readonly status: "unavailable";
      readonly reason: "not_found" | "broken";
      readonly message: string;
      readonly fix: string;
      readonly cause?: unknown;
    };

type Loaded = (AddonLoad & { readonly status: "loaded" }) & { readonly functions: AddonFunctions };
type Unavailable = AddonLoad & { readonly status: "unavailable" };

function isAddon(module: unknown): module is AddonFunctions {
  if (typeof module !== "object" || module === null) return false;
  return addonFunctionNames.every((name) => typeof Reflect.get(module, name) === "function");
}

/** One level above `src` and `dist` alike. */
const packageRoot = new URL("../", import.meta.url);

/** The script that compiles the addon with the system's compiler. */
export const addonBuildScript: string = fileURLToPath(new URL("native/build.mjs", packageRoot));

interface Candidate {
  readonly file: string;
  readonly origin: "built" | "prebuilt";
}

/** Where a binary for this platform may be: built here, or shipped with the package. */
function candidates(): readonly Candidate[] {
  const platform = `${process.platform}-${process.arch}`;
  return [
    { file: fileURLToPath(new URL("build/vrx_cuda.node", packageRoot)), origin: "built" },
    { file: fileURLToPath(new URL(`prebuilds/${platform}/vrx_cuda.node`, packageRoot)), origin: "prebuilt" },
  ];
}

/** Loads the addon from the first of `places` that holds one; nothing is cached. */
export function loadAddonFrom(places: readonly Candidate[]): Loaded | Unavailable {
  const load = createRequire(import.meta.url);
  const failures: { readonly file: string; readonly cause: unknown }[] = [];
  for (const { file, origin } of places) {
    if (!existsSync(file)) continue;
    try {
      const module: unknown = load(file);
      if (isAddon(module)) return { status: "loaded", file, origin, functions: translateErrors(module) };
      failures.push({ file, cause: new Error("it is of another version of this package") });
    } catch (cause) {
      failures.push({ file, cause });
    }
  }
  const fix = `compile it for this system, with a C compiler (cc) installed: vrx native build, or node ${addonBuildScript}`;
  const [failure] = failures;
  if (failure !== undefined) {
    const why = failure.cause instanceof Error ? failure.cause.message : String(failure.cause);
    return {
      status: "unavailable",
      reason: "broken",
      message: `the native addon ${failure.file} cannot be loaded: ${why}`,
      fix,
      cause: failure.cause,
    };
  }
  return {
    status: "unavailable",
    reason: "not_found",
    message: `there is no native addon for ${process.platform}-${process.arch}`,
    fix,
  };
}

let loaded: Loaded | undefined;

/** The addon with its functions; loading is tried at the first call, and after a failure again at the next. */
export function requireAddon(): Loaded | Unavailable {
  if (loaded !== undefined) return loaded;
  const attempt = loadAddonFrom(candidates());
  if (attempt.status === "loaded") loaded = attempt;
  return attempt;
}

/** The addon's functions, for those who hold an object that it made; throws `addon_not_built` where it is not there. */
export function addonFunctions(): AddonFunctions {
  const attempt = requireAddon();
  if (attempt.status === "loaded") return attempt.functions;
  throw new CudaError("addon_not_built", `${attempt.message}; ${attempt.fix}`);
}

/**
 * Which native addon of this package is in use, or why there is none. It is loaded at the first call, never at import,
 * and loading it touches no driver.
 */
export function loadAddon(): AddonLoad {
  const attempt = requireAddon();
  if (attempt.status === "unavailable") return attempt;
  return { status: "loaded", file: attempt.file, origin: attempt.origin };
}
