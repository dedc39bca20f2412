import { library } from "../../tools/workspace/tsup.js";

export default library({ index: "src/index.ts", capabilities: "src/capabilities.ts" });
