import { createHash, hash } from "node:crypto";
import { type FileHandle, open, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { recheckRun } from "@vrx/objective-contract/node";
import type { TrialResult } from "../trial/trial-result.js";
import { exists, syncFolder } from "./durable.js";
import { inParallel } from "../in-parallel.js";

/** The file that makes a folder a result. */
export const RESULT_FILE = "result.json";

/** Where a probe's run directory is below its result. */
export const RUN_FOLDER = "run";

/** Larger files are hashed piece by piece. */
const WHOLE_BYTES = 1_048_576;

async function sha256(handle: FileHandle): Promise<string> {
  const { size } = await handle.stat();
  if (size <= WHOLE_BYTES) return hash("sha256", await handle.readFile());
  const pieces = createHash("sha256");
  for await (const chunk of handle.createReadStream({ autoClose: false })) pieces.update(chunk as Buffer);
  return pieces.digest("hex");
}

interface Below {
  /** By relative POSIX path, sorted. */
  readonly files: readonly string[];
  /** The folder itself is the empty path. */
  readonly folders: readonly string[];
}

/** What is below a folder; anything that is neither a file nor a folder is an error. */
async function below(folder: string, at = ""): Promise<Below> {
  const files: string[] = [];
  const folders = [at];
  for (const entry of await readdir(join(folder, at), { withFileTypes: true })) {
    const path = at === "" ? entry.name : `${at}/${entry.name}`;
    if (entry.isDirectory()) {
      const inner = await below(folder, path);
      files.push(...inner.files);
      folders.push(...inner.folders);
    } else if (entry.isFile()) files.push(path);
    else throw new Error(`${path} is neither a file nor a folder`);
  }
  return { files: files.sort(), folders };
}

async function hashFiles(folder: string, files: readonly string[], lasting: boolean): Promise<Record<string, string>> {
  const digests = await inParallel(files, async (file): Promise<[string, string]> => {
    const handle = await open(join(folder, file), "r");
    try {
      const digest = await sha256(handle);
      if (lasting) await handle.sync();
      return [file, digest];
    } finally {
      await handle.close();
    }
  });
  return Object.fromEntries(digests);
}

/** The SHA-256 of every file below a folder but its `result.json`. */
export async function digestsBelow(folder: string): Promise<Record<string, string>> {
  const { files } = await below(folder);
  return hashFiles(
    folder,
    files.filter((file) => file !== RESULT_FILE),
    false,
  );
}

/** The same of a folder that is to be a result; what is in it then survives a power loss. */
export async function sealBelow(folder: string): Promise<Record<string, string>> {
  const { files, folders } = await below(folder);
  const digests = await hashFiles(folder, files, true);
  await inParallel(folders, (path) => syncFolder(join(folder, path)));
  return digests;
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
    const isThere = await exists(folder);
    return isThere ? { status: "damaged", why: `${RESULT_FILE} is missing` } : { status: "absent" };
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
