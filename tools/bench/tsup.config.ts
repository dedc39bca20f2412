import { library } from "../workspace/tsup.js";

// esbuild comes from the workspace's own dependencies and has a binary: it cannot be bundled.
export default library({ index: "src/index.ts" }, { format: ["esm"], dts: false, external: [/^node:/, "esbuild"] });
