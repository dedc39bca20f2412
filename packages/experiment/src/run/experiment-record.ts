import { spawnSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import type { DataFile } from "../data/dataset.js";
import { VERSION } from "../version.js";

/** Schema of `experiment.json`. */
export const EXPERIMENT_SCHEMA = "vrx_experiment_v1";

/** What ran, on what, with what: `experiment.json` of an experiment's directory. */
export interface ExperimentRecord {
  readonly schema_version: typeof EXPERIMENT_SCHEMA;
  readonly manifest: string | null;
  readonly manifest_digest: string;
  readonly target: string;
  readonly engine: { readonly name: string; readonly version: string; readonly device: string };
  readonly code: { readonly vrx: string; readonly git_commit: string | null; readonly git_dirty: boolean | null };
  /** Files of the user's own code that the target names. */
  readonly modules: readonly DataFile[];
  readonly data: readonly DataFile[];
  /** Whether data that was not there was generated. */
  readonly generate_data: boolean;
  readonly environment: {
    readonly node: string;
    readonly platform: string;
    readonly arch: string;
    readonly cpu: string;
    readonly cpus: number;
    readonly memory_bytes: number;
  };
  readonly created_utc: string;
}

/** JSON with sorted keys. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return value === undefined ? "null" : JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
}

/** The facts about this process and machine. */
export function surroundings(cwd: string): Pick<ExperimentRecord, "code" | "environment"> {
  const git = (...args: string[]): string | null => {
    const { status, stdout } = spawnSync("git", args, { cwd, encoding: "utf8", timeout: 5000 });
    return status === 0 ? stdout.trim() : null;
  };
  const changes = git("status", "--porcelain", "--untracked-files=no");
  const processors = cpus();
  return {
    code: { vrx: VERSION, git_commit: git("rev-parse", "HEAD"), git_dirty: changes === null ? null : changes !== "" },
    environment: {
      node: process.version,
      platform: process.platform,
      arch: process.arch,
      cpu: processors[0]?.model ?? "unknown",
      cpus: processors.length,
      memory_bytes: totalmem(),
    },
  };
}
