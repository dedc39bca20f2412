import { library } from "../../tools/workspace/tsup.js";

export default library({
  index: "src/index.ts",
  "ring-program": "src/ring/ring-program.ts",
});
