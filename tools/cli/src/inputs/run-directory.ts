import { readdirSync } from "node:fs";
import { isSystemError, systemReason } from "../frame/failures.js";
import { suggestFile } from "./suggest-file.js";

/** Any of these makes a directory a run directory, if perhaps an unusable one. */
const artifacts: readonly string[] = [
  "run_cmd.txt",
  "env.json",
  "metrics.json",
  "metrics.csv",
  "samples.jsonl",
  "summary.md",
];

/** Why `directory` holds no run that could be judged, or undefined when it holds one. */
export function whyNoRun(directory: string): string | undefined {
  try {
    if (readdirSync(directory).some((name) => artifacts.includes(name))) return undefined;
    return `no run directory: expected at least one of ${artifacts.join(", ")}, found none`;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === "ENOENT") return `no such directory${suggestFile(directory)}`;
    if (error.code === "ENOTDIR") return "expected a run directory, found a file";
    return systemReason(error);
  }
}
