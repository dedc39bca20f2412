import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Plugin, build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));
const suffix = "?bundled";

/**
 * A module with all it imports as one CommonJS text. It is for threads that are started from a text: such a
 * thread needs no file beside the published one, and a test runner needs no build.
 */
async function bundle(path: string): Promise<string> {
  const result = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    format: "cjs",
    platform: "node",
    target: "node20",
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    tsconfig: `${root}/tsconfig.source.json`,
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error(`${path} gave no output`);
  return file.text;
}

/** `import { source } from "./worker.ts?bundled"` in a build by esbuild (tsup). */
export function bundledModules(): Plugin {
  return {
    name: "bundled-modules",
    setup(builder) {
      builder.onResolve({ filter: /\?bundled$/ }, ({ path, resolveDir }) => ({
        path: resolve(resolveDir, path.slice(0, -suffix.length)),
        namespace: "bundled",
      }));
      builder.onLoad({ filter: /.*/, namespace: "bundled" }, async ({ path }) => ({
        contents: `export const source = ${JSON.stringify(await bundle(path))};`,
        loader: "js",
        watchFiles: [path],
      }));
    },
  };
}

/** The same under vitest. */
export function bundledModulesForVite(): {
  name: string;
  enforce: "pre";
  resolveId: (id: string, importer: string | undefined) => string | null;
  load: (id: string) => Promise<string> | null;
} {
  return {
    name: "bundled-modules",
    enforce: "pre",
    resolveId: (id, importer) =>
      id.endsWith(suffix) && importer !== undefined ? resolve(dirname(importer), id) : null,
    load: (id) =>
      id.endsWith(suffix)
        ? bundle(id.slice(0, -suffix.length)).then((text) => `export const source = ${JSON.stringify(text)};`)
        : null,
  };
}
