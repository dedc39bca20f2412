import { type CpuBackendOptions, createCpuBackend } from "../src/cpu-backend.js";
import { loadAddon } from "../src/native-addon.js";
import type { GoldenEngine } from "../src/replay-golden.js";

export const cpuEngine = (options: CpuBackendOptions = {}): GoldenEngine => ({
  kind: "cpu",
  precisions: ["fp64", "fp32"],
  createBackend: (config) => createCpuBackend(config, options),
});

// Without a compiler there is nothing to test; a binary that is there and does not load is a failure.
const load = loadAddon();
export const notCompiled = load.status === "unavailable" && load.reason === "not_found";
if (load.status === "unavailable") console.log(`skipped where it was not compiled: ${load.message}`);
