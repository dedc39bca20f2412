import { library } from "../workspace/tsup.js";

export default library({ index: "src/index.ts" }, { format: ["esm"], dts: false });
