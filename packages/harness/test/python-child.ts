import { fileURLToPath } from "node:url";
import { type WorkloadSpec, presets } from "@vrx/workload-schema";
import { type CommandOptions, commandWorkload } from "../src/command/command-workload.js";
import type { Workload } from "../src/workload.js";

const file = fileURLToPath(new URL("programs/child.py", import.meta.url));

/** A small spec that Python can execute truthfully: in float64. */
export const fp64Spec: WorkloadSpec = {
  ...presets.od1_small,
  ant_spec: { ...presets.od1_small.ant_spec, precision: "fp64" },
};

/** The behaviour `name` of programs/child.py as a workload. */
export function pythonChild(name: string, options: Partial<CommandOptions> = {}): Workload {
  return commandWorkload({ argv: ["python3", file, name], end_grace_s: 5, kill_grace_s: 0.5, ...options });
}
