import { tests } from "../../tools/workspace/vitest.js";

export default tests("vram-residency", "system");
