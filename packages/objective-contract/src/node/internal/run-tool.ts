import { execFile } from "node:child_process";
import { errorCode } from "./atomic-file.js";

/** What a tool of the system answered. */
export type ToolAnswer =
  | { readonly status: "ok"; readonly stdout: string }
  | { readonly status: "not_found" }
  | { readonly status: "timeout" }
  | { readonly status: "failed"; readonly code: number | string; readonly message: string };

/** Asks a tool on PATH, for at most so many milliseconds; never throws. */
export function runTool(
  name: string,
  args: readonly string[],
  options: { readonly timeout_ms: number; readonly cwd?: string; readonly env: NodeJS.ProcessEnv },
): Promise<ToolAnswer> {
  const { timeout_ms: timeout, cwd, env } = options;
  return new Promise((resolve) => {
    const settings = { timeout, env, killSignal: "SIGKILL", maxBuffer: 1 << 20, windowsHide: true } as const;
    try {
      execFile(name, args, cwd === undefined ? settings : { ...settings, cwd }, (error, stdout, stderr) => {
        if (error === null) resolve({ status: "ok", stdout });
        else if (errorCode(error) === "ENOENT") resolve({ status: "not_found" });
        else if (error.killed === true && error.signal === "SIGKILL") resolve({ status: "timeout" });
        else resolve({ status: "failed", code: error.code ?? "unknown", message: firstLine(stderr) });
      });
    } catch (error) {
      resolve({ status: "failed", code: errorCode(error) ?? "unknown", message: "it could not be started" });
    }
  });
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").slice(0, 200);
}
