import { redactText } from "../../redact.js";
import { type ToolAnswer, runTool } from "./run-tool.js";

/** Seconds that git may take, as in the contract's tool. */
const TIMEOUT_MS = 2000;

/** The commit a folder is at, and whether anything is changed on top of it. */
export interface GitState {
  readonly commit: string | null;
  readonly dirty: 0 | 1 | null;
  readonly error: string | null;
}

/** Asks git about a folder; what it does not say is null, with the first error as a code. */
export async function readGitState(cwd: string, env: NodeJS.ProcessEnv): Promise<GitState> {
  // A status must neither take the index's lock nor start what a repository's own configuration names.
  const options = { timeout_ms: TIMEOUT_MS, cwd, env: { ...env, GIT_OPTIONAL_LOCKS: "0", LC_ALL: "C" } };
  const [head, status] = await Promise.all([
    runTool("git", ["-c", "core.fsmonitor=false", "rev-parse", "HEAD"], options),
    runTool("git", ["-c", "core.fsmonitor=false", "status", "--porcelain"], options),
  ]);
  const commit = head.status === "ok" ? head.stdout.trim() : null;
  const sound = commit !== null && /^[\da-f]{40}([\da-f]{24})?$/.test(commit);
  const error = errorOf("git_rev_parse", head) ?? (sound ? errorOf("git_status", status) : "git_rev_parse_garbage");
  return {
    commit: sound ? commit : null,
    dirty: status.status === "ok" && sound ? (status.stdout.trim() === "" ? 0 : 1) : null,
    error,
  };
}

function errorOf(what: string, answer: ToolAnswer): string | null {
  if (answer.status === "ok") return null;
  if (answer.status === "not_found") return "git_not_found";
  if (answer.status === "timeout") return `${what}_failed: no answer within ${TIMEOUT_MS / 1000} s`;
  return `${what}_nonzero_rc:${answer.code}:${redactText(answer.message)}`;
}
