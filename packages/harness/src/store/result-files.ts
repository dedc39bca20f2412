import { createHash, hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { recheckRun } from "@vrx/objective-contract/node";
import type { TrialResult } from "../trial/trial-result.js";
import { syncFile, syncFolder } from "./durable.js";

/** The file that makes a folder a result. */
export const RESULT_FILE = "result.json";

/** Where a probe's run directory is below its result. */
export const RUN_FOLDER = "run";

/** Larger files are hashed piece by piece. */
const WHOLE_BYTES = 1_048_576;

async function sha256(file: string): Promise<string> {
  const { size } = await stat(file);
  if (size <= WHOLE_BYTES) return hash("sha256", await readFile(file));
  const pieces = createHash("sha256");
  for await (const chunk of createReadStream(file)) pieces.update(chunk as Buffer);
  return pieces.digest("hex");
}

/** Files below a folder by relative POSIX path, sorted; anything that is neither a file nor a folder is an error. */
async function filesBelow(folder: string, below = ""): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) files.push(...(await filesBelow(folder, path)));
    else if (entry.isFile()) files.push(path);
    else throw new Error(`${path} is neither a file nor a folder`);
  }
  return files.sort();
}

/** The SHA-256 of every file below a folder but its `result.json`. */
export async function digestsBelow(folder: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const file of await filesBelow(folder)) {
    if (file !== RESULT_FILE) digests[file] = await sha256(join(folder, file));
  }
  return digests;
}

/** Makes everything below a folder survive a power loss. */
export async function syncBelow(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  // Together: a file system with a log commits them at once.
  await Promise.all(
    entries.map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? syncBelow(path) : syncFile(path);
    }),
  );
  await syncFolder(folder);
}

function isResultOf(json: Partial<TrialResult>, digest: string): json is TrialResult {
  const { schema_version, digest: own, files } = json;
  return schema_version === "vrx_trial_result_v1" && own === digest && typeof files === "object";
}

export type Verified =
  | { readonly status: "ok"; readonly result: TrialResult }
  | { readonly status: "absent" }
  | { readonly status: "damaged"; readonly why: string };

/** Whether the result in a folder is what was published for a digest: its files, and for a probe its own verdict. */
export async function verifyResult(folder: string, digest: string): Promise<Verified> {
  let text: string;
  try {
    text = await readFile(join(folder, RESULT_FILE), "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") throw error;
    const there = await readdir(folder).then(
      () => true,
      () => false,
    );
    return there ? { status: "damaged", why: `${RESULT_FILE} is missing` } : { status: "absent" };
  }
  const damaged = (why: string): Verified => ({ status: "damaged", why });
  let result: Partial<TrialResult>;
  try {
    result = JSON.parse(text) as Partial<TrialResult>;
  } catch {
    return damaged(`${RESULT_FILE} is no JSON`);
  }
  if (!isResultOf(result, digest)) return damaged(`${RESULT_FILE} is not of this trial`);
  let now: Record<string, string>;
  try {
    now = await digestsBelow(folder);
  } catch (error) {
    return damaged(error instanceof Error ? error.message : String(error));
  }
  const names = new Set([...Object.keys(result.files), ...Object.keys(now)]);
  for (const name of names) {
    if (now[name] === undefined) return damaged(`${name} is missing`);
    if (result.files[name] === undefined) return damaged(`${name} was added`);
    if (result.files[name] !== now[name]) return damaged(`${name} was changed`);
  }
  if (Object.hasOwn(now, `${RUN_FOLDER}/metrics.json`)) {
    const { disagreements } = await recheckRun(join(folder, RUN_FOLDER));
    const [first] = disagreements;
    if (first !== undefined)
      return damaged(`the artifacts of the run disagree with its verdict (${JSON.stringify(first)})`);
  }
  return { status: "ok", result };
}
