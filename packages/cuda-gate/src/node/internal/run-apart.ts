import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { UnavailableReason } from "../../gpu-report.js";

/** What a program answered, or how its process was lost. */
export type Apart<T> =
  | { readonly status: "ok"; readonly answer: T }
  | {
      readonly status: "lost";
      readonly reason: Extract<UnavailableReason, "probe_timeout" | "probe_crashed">;
      readonly why: string;
    };

/** The end of stderr that goes into a reason. */
const MAX_STDERR = 500;

/**
 * Runs a program, given as its text, in a process of its own, and waits no longer than `timeout_ms`: a driver that hangs or
 * crashes takes only that process with it. One that hangs inside of the driver may be beyond SIGKILL until the driver
 * lets go of it, and is left behind. The program answers as JSON on descriptor 3. Throws the signal's reason when
 * aborted.
 */
export async function runApart<T>(
  source: string,
  args: readonly string[],
  { timeout_ms, signal }: { readonly timeout_ms: number; readonly signal?: AbortSignal | undefined },
): Promise<Apart<T>> {
  signal?.throwIfAborted();
  const child = spawn(process.execPath, ["-e", source, ...args], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    windowsHide: true,
  });
  const answer = textOf(child.stdio[3]);
  const stderr = textOf(child.stderr);
  return await new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      child.removeAllListeners();
      child.on("error", () => undefined);
      child.kill("SIGKILL");
      child.unref();
      for (const stream of child.stdio) stream?.destroy();
      act();
    };
    const lost = (reason: "probe_timeout" | "probe_crashed", why: string): void =>
      settle(() => resolve({ status: "lost", reason, why }));
    const onAbort = (): void => settle(() => reject(signal?.reason as Error));
    const timer = setTimeout(() => lost("probe_timeout", `no answer within ${timeout_ms} ms`), timeout_ms);
    signal?.addEventListener("abort", onAbort, { once: true });
    child.once("error", (error) => lost("probe_crashed", error.message));
    child.once("close", (code, killedBy) => {
      const text = answer();
      if (isJson(text)) {
        settle(() => resolve({ status: "ok", answer: (JSON.parse as (text: string) => T)(text) }));
        return;
      }
      const said = stderr().trim().slice(-MAX_STDERR);
      const how = killedBy ?? `exit code ${code ?? "unknown"}`;
      lost("probe_crashed", `it ended with ${how}${said === "" ? "" : `: ${said}`}`);
    });
  });
}

/** Collects a stream; what has arrived so far is what the function returned gives. */
function textOf(stream: unknown): () => string {
  const chunks: Buffer[] = [];
  (stream as Readable).on("data", (chunk: Buffer) => void chunks.push(chunk));
  return () => Buffer.concat(chunks).toString("utf8");
}

/** What the program wrote is ours; when it did not come to its end, it is cut off. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
