import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { loadAddon as loadCudaAddon } from "@vrx/native-cuda";
import { loadAddon as loadRingAddon } from "@vrx/ring-engine";

/** A native addon of vrx: what it is for, and the script that compiles it. */
export interface NativeAddon {
  readonly name: "cuda" | "cpu_engine";
  readonly package: string;
  readonly does: string;
  /** Loads it anew after a failure. */
  load(): AddonState;
  readonly build_script: string;
}

/** Whether an addon loads here. */
export type AddonState =
  | { readonly status: "loaded"; readonly file: string; readonly origin: "built" | "shipped" }
  | { readonly status: "unavailable"; readonly reason: string; readonly message: string; readonly fix: string };

type Load =
  | { readonly status: "loaded"; readonly file: string }
  | { readonly status: "unavailable"; readonly reason: string; readonly message: string; readonly fix: string };

function stateOf(load: Load): AddonState {
  if (load.status === "loaded") {
    return { status: "loaded", file: load.file, origin: /[/\\]prebuilds[/\\]/.test(load.file) ? "shipped" : "built" };
  }
  const { reason, message, fix } = load;
  return { status: "unavailable", reason, message, fix };
}

function buildScriptOf(name: string): string {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return join(dirname(manifest), "native", "build.mjs");
}

/** Every native addon that vrx can use. */
export function nativeAddons(): readonly NativeAddon[] {
  return [
    {
      name: "cuda",
      package: "@vrx/native-cuda",
      does: "loads the CUDA driver and NVML",
      load: () => stateOf(loadCudaAddon()),
      build_script: buildScriptOf("@vrx/native-cuda"),
    },
    {
      name: "cpu_engine",
      package: "@vrx/ring-engine",
      does: "executes the ring on the CPU",
      load: () => stateOf(loadRingAddon()),
      build_script: buildScriptOf("@vrx/ring-engine"),
    },
  ];
}
