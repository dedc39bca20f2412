import { library } from "../../tools/workspace/tsup.js";

// yaml comes inside, in one piece: from its seventy files it takes as long to load as everything else together.
export default library({ index: "src/index.ts" }, { noExternal: ["yaml"] });
