import { tests } from "../../tools/workspace/vitest.js";

// Compiling everything under sanitizers takes most of it.
export default tests("ring-engine", "system", { testTimeout: 300_000 });
