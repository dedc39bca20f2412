import { type ExecFileException, execFile } from "node:child_process";

/** What a tool printed, or why it did not. */
export type ToolAnswer =
  { readonly status: "ok"; readonly stdout: string } | { readonly status: "failed"; readonly why: string };

/** Runs a tool of the system and waits for its end, at most `timeout_ms`. Throws the signal's reason when aborted. */
export async function runTool(
  command: string,
  args: readonly string[],
  { timeout_ms, signal }: { readonly timeout_ms: number; readonly signal?: AbortSignal | undefined },
): Promise<ToolAnswer> {
  const answer = await new Promise<ToolAnswer>((resolve) => {
    const options = {
      timeout: timeout_ms,
      killSignal: "SIGKILL",
      maxBuffer: 2 ** 20,
      encoding: "utf8",
      signal,
    } as const;
    execFile(command, args, options, (error, stdout, stderr) => {
      resolve(error === null ? { status: "ok", stdout } : { status: "failed", why: whyFailed(error, stdout, stderr) });
    });
  });
  signal?.throwIfAborted();
  return answer;

  function whyFailed({ code, killed = false }: ExecFileException, stdout: string, stderr: string): string {
    if (code === "ENOENT") return `${command} is not there`;
    if (killed) return `${command} did not answer within ${timeout_ms} ms`;
    const said = `${stdout}\n${stderr}`.trim().slice(0, 200);
    return `${command} ended with ${String(code)}${said === "" ? "" : `: ${said}`}`;
  }
}
