/** Managers and shards for the tests of whoever uses this package; all on the fake driver, and simulated. */
export { type TestManager, testShard, testVramManager } from "./test-manager.js";
