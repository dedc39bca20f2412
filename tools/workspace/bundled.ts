import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, type Metafile, type Plugin, build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What a module becomes, by the suffix it is imported with. */
const kinds: Readonly<Record<string, BuildOptions>> = {
  // For threads that are started from a text: such a thread needs no file beside the published one, and a test
  // runner needs no build.
  "?bundled": { format: "cjs", platform: "node", target: "node20", minifyWhitespace: true, minifySyntax: true },
  // For a page that carries its script with it.
  "?page-script": { format: "iife", platform: "browser", target: "es2022", minify: true, charset: "ascii" },
};

const suffixOf = (id: string): string | undefined => Object.keys(kinds).find((suffix) => id.endsWith(suffix));

/**
 * A module with all it imports as one text, exported as `source`; `licences` has the licence texts of the foreign
 * packages in it, which have to travel with it.
 */
async function bundle(id: string): Promise<string> {
  const suffix = suffixOf(id) ?? "";
  const path = id.slice(0, -suffix.length);
  const result = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    metafile: true,
    legalComments: "none",
    tsconfig: `${root}/tsconfig.source.json`,
    absWorkingDir: root,
    ...kinds[suffix],
  });
  const [file] = result.outputFiles ?? [];
  if (file === undefined) throw new Error(`${path} gave no output`);
  const licences = licencesOf(result.metafile);
  return `export const source = ${JSON.stringify(file.text)};\nexport const licences = ${JSON.stringify(licences)};`;
}

/** Each licence text once, under the names of the packages that have it. */
function licencesOf(metafile: Metafile | undefined): string {
  const folders = new Set<string>();
  for (const path of Object.keys(metafile?.inputs ?? {})) {
    const folder = /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0];
    if (folder !== undefined) folders.add(resolve(root, folder));
  }
  const packagesOf = new Map<string, string[]>();
  for (const folder of [...folders].sort()) {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, string>;
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined || !existsSync(join(folder, file))) throw new Error(`${folder} has no licence text`);
    const text = readFileSync(join(folder, file), "utf8").trim();
    packagesOf.set(text, [...(packagesOf.get(text) ?? []), `${name ?? folder} ${version ?? ""}`]);
  }
  return [...packagesOf].map(([text, packages]) => `${packages.join(", ")}\n\n${text}`).join("\n\n----\n\n");
}

/** `import { source } from "./worker.ts?bundled"` in a build by esbuild (tsup). */
export function bundledModules(): Plugin {
  return {
    name: "bundled-modules",
    setup(builder) {
      builder.onResolve({ filter: /\?(bundled|page-script)$/ }, ({ path, resolveDir }) => ({
        path: resolve(resolveDir, path),
        namespace: "bundled",
      }));
      builder.onLoad({ filter: /.*/, namespace: "bundled" }, async ({ path }) => ({
        contents: await bundle(path),
        loader: "js",
        watchFiles: [path.replace(/\?[^?]*$/, "")],
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
      suffixOf(id) !== undefined && importer !== undefined ? resolve(dirname(importer), id) : null,
    load: (id) => (suffixOf(id) !== undefined ? bundle(id) : null),
  };
}
