import { library } from "../../tools/workspace/tsup.js";

export default library({
  index: "src/index.ts",
  "verify/index": "src/verify/index.ts",
  "server/index": "src/server/index.ts",
  "testing/index": "src/testing/index.ts",
});
