import { tests } from "../../tools/workspace/vitest.js";

export default tests("cuda-gate", "system");
