import { tests } from "../../tools/workspace/vitest.js";

export default tests("native-cuda", "test", { globalSetup: "test/compile-kernels.ts" });
