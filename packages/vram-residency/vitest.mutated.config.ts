import { mergeConfig } from "vitest/config";
import { tests } from "../../tools/workspace/vitest.js";
import { mutateOnLoad } from "./test/defences/mutate-on-load.js";

/** The tests over a source in which one defence is taken away: `VRX_DEFENCE` says which. */
export default mergeConfig(tests("vram-residency", "mutated", { testTimeout: 30_000 }), { plugins: [mutateOnLoad()] });
