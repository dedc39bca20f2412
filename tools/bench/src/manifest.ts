import { startUpRows } from "./cli-startup.js";
import type { Row } from "./row.js";

/** The largest preset: 1.5 billion parameters, three targets. */
const preset = "preset:llama32_1b_dba";

// Checking a file should feel like nothing at all.
const aim_ms = 150;

/** What reading, checking and planning the largest preset costs on top of starting Node, `vrx` included. */
export function run(): Promise<Row[]> {
  const commands = {
    "vrx manifest check, largest preset": ["manifest", "check", preset],
    "vrx manifest plan --all, largest preset": ["manifest", "plan", "--all", preset],
  };
  return Promise.resolve(startUpRows(commands, aim_ms));
}
