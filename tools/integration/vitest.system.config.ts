import { tests } from "../workspace/vitest.js";

export default tests("integration", "system", {
  globalSetup: "src/pack-all.ts",
  testTimeout: 600_000,
  hookTimeout: 600_000,
  fileParallelism: false,
});
