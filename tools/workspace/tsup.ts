import { type Options, defineConfig } from "tsup";

/**
 * The build of every published library: ESM and CJS with declarations for both, one output file per
 * entry, dependencies left outside. `entry` maps output names (below dist/) to sources.
 */
export function library(entry: Record<string, string>, overrides: Options = {}): ReturnType<typeof defineConfig> {
  return defineConfig({
    entry,
    format: ["esm", "cjs"],
    target: "node20",
    platform: "neutral",
    dts: { compilerOptions: { incremental: false } },
    tsconfig: "tsconfig.build.json",
    sourcemap: true,
    splitting: true,
    treeshake: true,
    clean: true,
    shims: true,
    external: [/^node:/],
    ...overrides,
  });
}
