import { tests } from "../../tools/workspace/vitest.js";

// Compiling the addon under sanitizers takes most of it.
export default tests("native-cuda", "system", { testTimeout: 300_000, globalSetup: "test/compile-kernels.ts" });
