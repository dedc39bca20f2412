import { tests } from "../workspace/vitest.js";

export default tests("integration", "packages", {
  globalSetup: "src/pack-all.ts",
  testTimeout: 300_000,
  hookTimeout: 600_000,
  fileParallelism: false,
});
