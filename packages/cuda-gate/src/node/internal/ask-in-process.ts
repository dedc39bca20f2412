/// <reference path="./bundled.d.ts" />
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import type { Readable } from "node:stream";
import type { UnavailableReason } from "../../gpu-report.js";
import type { DriverAnswer } from "./ask-driver.js";
import { source } from "./probe-program.ts?bundled";

/** The driver's answer, or how the process that asked it was lost. */
export type AskedInProcess =
  | { readonly status: "ok"; readonly answer: DriverAnswer }
  | {
      readonly status: "lost";
      readonly reason: Extract<UnavailableReason, "probe_timeout" | "probe_crashed">;
      readonly why: string;
    };

/** The end of stderr that goes into a reason. */
const MAX_STDERR = 500;

/**
 * Asks the driver in a child process, and waits no longer than `timeout_ms`. A process that hangs inside of the driver may
 * be beyond SIGKILL until the driver lets go of it; it is left behind. Throws the signal's reason when aborted.
 */
export async function askInProcess(
  library: string | null,
  timeout_ms: number,
  signal: AbortSignal | undefined,
): Promise<AskedInProcess> {
  signal?.throwIfAborted();
  // The CommonJS build: `node -e` loads it without a file beside it.
  const native = createRequire(import.meta.url).resolve("@vrx/native-cuda");
  const child = spawn(process.execPath, ["-e", source, native, library ?? ""], {
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
      const read = readAnswer(answer());
      if (read !== null) return settle(() => resolve({ status: "ok", answer: read }));
      const how = killedBy === null ? `exit code ${code ?? "unknown"}` : killedBy;
      const said = stderr().trim().slice(-MAX_STDERR);
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

/** What the program wrote, which is ours; null when it did not come to its end. */
function readAnswer(text: string): DriverAnswer | null {
  try {
    return (JSON.parse as (text: string) => DriverAnswer)(text);
  } catch {
    return null;
  }
}
