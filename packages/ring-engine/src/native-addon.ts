import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** What the compiled engine offers; handles are opaque. All of it throws errors with a `code`. */
export interface NativeAddon {
  create(config: NativeConfig): object;
  run(
    engine: object,
    x: Float64Array,
    y: Int32Array,
    pointer_unit: Float64Array,
    mode: number,
    trace: boolean,
    forced_pointers: Float64Array | undefined,
    projection: Float64Array | undefined,
  ): Promise<NativeOutcome>;
  read(engine: object, vector: number): Float64Array;
  write(engine: object, vector: number, values: Float64Array): void;
  slots(engine: object): { readonly present: Int32Array; readonly updates: Int32Array };
  setUpdates(engine: object, updates: Int32Array): void;
  parameterCount(engine: object): number;
  memoryBytes(engine: object): number;
  dispose(engine: object): void;
  /** The instruction-set levels this CPU can run, lowest first. */
  levels(): string[];
}

/** A configuration as the compiled engine takes it. */
export type NativeConfig = Readonly<Record<string, number | boolean>>;

/** What one step leaves behind: logits [B, C], sums over time of the moves [B], slots after each time step [T, B]. */
export interface NativeOutcome {
  readonly loss: number;
  readonly logits: Float64Array;
  readonly moved: Float64Array;
  readonly raw_moved: Float64Array;
  readonly slots: Int32Array;
  /** [T, B], of which the first state_loop_samples of each time step are set; empty where nothing is watched. */
  readonly modes: Int32Array;
  readonly pointers?: Float64Array;
  readonly next_pointers?: Float64Array;
  readonly centers?: Int32Array;
  readonly weights?: Float64Array;
  readonly hidden?: Float64Array;
}

/**
 * The compiled engine, or why there is none. `not_found`: no binary for this platform was built or shipped;
 * `broken`: there is one, and it cannot be loaded. `fix` says what to do.
 */
export type AddonLoad =
  | {
      readonly status: "loaded";
      readonly addon: NativeAddon;
      readonly file: string;
      readonly levels: readonly string[];
    }
  | {
      readonly status: "unavailable";
      readonly reason: "not_found" | "broken";
      readonly message: string;
      readonly fix: string;
      readonly cause?: unknown;
    };

const functions = [
  "create",
  "run",
  "read",
  "write",
  "slots",
  "setUpdates",
  "parameterCount",
  "memoryBytes",
  "dispose",
  "levels",
] as const;

function isNativeAddon(module: unknown): module is NativeAddon {
  if (typeof module !== "object" || module === null) return false;
  const members: Readonly<Record<string, unknown>> = { ...module };
  return functions.every((name) => typeof members[name] === "function");
}

/** One level above `src` and `dist` alike. */
const packageRoot = new URL("../", import.meta.url);
const buildScript = fileURLToPath(new URL("native/build.mjs", packageRoot));

/** Where a binary for this platform may be: built here, or shipped with the package. */
function addonFiles(): readonly string[] {
  return ["build/vrx_ring.node", `prebuilds/${process.platform}-${process.arch}/vrx_ring.node`].map((file) =>
    fileURLToPath(new URL(file, packageRoot)),
  );
}

/** Loads the compiled engine from the first of `files` that holds one; nothing is cached. */
export function loadAddonFrom(files: readonly string[]): AddonLoad {
  const load = createRequire(import.meta.url);
  const present = files.filter((file) => existsSync(file));
  const failures: { readonly file: string; readonly cause: unknown }[] = [];
  for (const file of present) {
    try {
      const addon: unknown = load(file);
      if (isNativeAddon(addon)) return { status: "loaded", addon, file, levels: addon.levels() };
      failures.push({ file, cause: new Error("it is of another version of this package") });
    } catch (cause) {
      failures.push({ file, cause });
    }
  }
  const [failure] = failures;
  if (failure !== undefined) {
    const why = failure.cause instanceof Error ? failure.cause.message : String(failure.cause);
    return {
      status: "unavailable",
      reason: "broken",
      message: `the compiled CPU engine ${failure.file} cannot be loaded: ${why}`,
      fix: `compile it for this system, with a C compiler installed: node ${buildScript}`,
      cause: failure.cause,
    };
  }
  return {
    status: "unavailable",
    reason: "not_found",
    message: `there is no compiled CPU engine for ${process.platform}-${process.arch}`,
    fix: `install a C compiler (cc) and run: node ${buildScript}`,
  };
}

let loaded: AddonLoad | undefined;

/**
 * The compiled CPU engine of this installation. Loading is tried at the first call, never at import; a
 * failure is tried again at the next call. A missing binary is a value with a reason, not an exception.
 */
export function loadAddon(): AddonLoad {
  if (loaded?.status !== "loaded") loaded = loadAddonFrom(addonFiles());
  return loaded;
}
