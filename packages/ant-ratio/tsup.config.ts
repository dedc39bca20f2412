import { cp, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundledModules } from "../../tools/workspace/bundled.js";
import { library } from "../../tools/workspace/tsup.js";

/** The font of exported pictures, with its licence, beside the code. */
async function copyFont(): Promise<void> {
  const from = dirname(createRequire(import.meta.url).resolve("dejavu-fonts-ttf/package.json"));
  const to = fileURLToPath(new URL("dist/fonts", import.meta.url));
  await mkdir(to, { recursive: true });
  await cp(join(from, "ttf/DejaVuSans.ttf"), join(to, "DejaVuSans.ttf"));
  await cp(join(from, "LICENSE"), join(to, "DejaVuSans-LICENSE.txt"));
}

export default library(
  {
    index: "src/index.ts",
    "node/index": "src/node/index.ts",
    "report/index": "src/report/index.ts",
  },
  { esbuildPlugins: [bundledModules()], onSuccess: copyFont },
);
