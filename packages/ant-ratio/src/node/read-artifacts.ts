import { open } from "node:fs/promises";
import { join } from "node:path";
import { type JsonObject, isJsonObject } from "@vrx/objective-contract";
import type { ProbeArtifacts } from "../build-packet.js";
import { readJsonText } from "../internal/json-text.js";
import type { Artifact } from "../internal/statements.js";

/** Why a file is no artifact; `file` is its path as it was given. */
export interface ArtifactIssue {
  readonly code: "missing" | "unreadable" | "too_large" | "invalid_utf8" | "not_json" | "not_an_object";
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
}

export type ArtifactsRead<T> =
  | { readonly status: "ok"; readonly artifacts: T }
  | { readonly status: "invalid"; readonly issues: readonly ArtifactIssue[] };

/** Far more than any artifact a packet is built from. */
const MAX_BYTES = 16 * 1024 * 1024;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

async function readArtifact(file: string, issues: ArtifactIssue[]): Promise<Artifact | null> {
  const refuse = (
    code: ArtifactIssue["code"],
    why: string,
    line: number | null = null,
    column: number | null = null,
  ): null => {
    const place = line === null ? "" : `:${line}:${column ?? 1}`;
    issues.push({ code, file, line, column, message: `${file}${place}: ${why}` });
    return null;
  };
  let bytes: Uint8Array;
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      if (size > MAX_BYTES) return refuse("too_large", `expected at most ${MAX_BYTES} bytes, found ${size}`);
      bytes = await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    const missing = code === "ENOENT" || code === "ENOTDIR";
    return refuse(missing ? "missing" : "unreadable", missing ? "there is no such file" : message);
  }
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return refuse("invalid_utf8", "expected UTF-8");
  }
  const read = readJsonText(text);
  if (read.status === "invalid") return refuse("not_json", read.issue.message, read.issue.line, read.issue.column);
  const json: JsonObject | null = isJsonObject(read.json) ? read.json : null;
  return json === null ? refuse("not_an_object", "expected a JSON object", 1, 1) : { json, floats: read.floats };
}

/** Reads `metrics.json`, `env.json` and `run_cmd.txt` of a run directory; all problems at once. */
export async function readProbeArtifacts(dir: string): Promise<ArtifactsRead<ProbeArtifacts>> {
  const issues: ArtifactIssue[] = [];
  const metrics = await readArtifact(join(dir, "metrics.json"), issues);
  const env = await readArtifact(join(dir, "env.json"), issues);
  const run_cmd = await readArtifact(join(dir, "run_cmd.txt"), issues);
  if (metrics === null || env === null || run_cmd === null) return { status: "invalid", issues };
  return { status: "ok", artifacts: { metrics, env, run_cmd } };
}

/** Reads `report.json` of a capability run. */
export async function readReportArtifact(dir: string): Promise<ArtifactsRead<Artifact>> {
  const issues: ArtifactIssue[] = [];
  const report = await readArtifact(join(dir, "report.json"), issues);
  return report === null ? { status: "invalid", issues } : { status: "ok", artifacts: report };
}
