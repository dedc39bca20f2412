import { type CpuBackendOptions, createCpuBackend } from "../src/cpu-backend.js";
import type { GoldenEngine } from "../src/replay-golden.js";

export const cpuEngine = (options: CpuBackendOptions = {}): GoldenEngine => ({
  kind: "cpu",
  precisions: ["fp64", "fp32"],
  createBackend: (config) => createCpuBackend(config, options),
});
