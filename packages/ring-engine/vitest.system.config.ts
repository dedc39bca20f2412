import { tests } from "../../tools/workspace/vitest.js";

export default tests("ring-engine", "system", { include: ["test/system/**/*.test.ts"], testTimeout: 300_000 });
