import { bundledModules } from "../../tools/workspace/bundled.js";
import { library } from "../../tools/workspace/tsup.js";

export default library(
  {
    index: "src/index.ts",
    "node/index": "src/node/index.ts",
  },
  { esbuildPlugins: [bundledModules()] },
);
