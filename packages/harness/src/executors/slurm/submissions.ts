import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, readdir, rename } from "node:fs/promises";
import { join } from "node:path";

/** One array: what it runs, where its files are, and its number once Slurm has taken it. */
export interface Submission {
  /** The name of its job in Slurm, unique for ever. */
  readonly name: string;
  readonly folder: string;
  /** The trial of the task with index i is the one at place i. */
  readonly digests: readonly string[];
  readonly list_file: string;
  readonly script_file: string;
  /** Null as long as it is not known whether Slurm has taken it. */
  job_id: string | null;
}

interface SubmissionFile {
  readonly schema_version: "vrx_slurm_submission_v1";
  readonly job_id: string;
  readonly submitted_utc: string;
}

/** Below the store, so that whoever goes on with the sweep finds what is queued. */
function folderOf(store_dir: string): string {
  return join(store_dir, "slurm");
}

/** Writes down what is about to be submitted, before it is: a process killed in between finds the array by its name. */
export async function newSubmission(
  store_dir: string,
  digests: readonly string[],
  script: (list_file: string) => string,
): Promise<Submission> {
  const name = `vrx-${randomBytes(8).toString("hex")}`;
  const folder = join(folderOf(store_dir), name);
  const list_file = join(folder, "digests.txt");
  const script_file = join(folder, "task.sh");
  await mkdir(folder, { recursive: true });
  await writeDurably(script_file, script(list_file));
  // Last: a folder without its list was never submitted.
  await writeDurably(list_file, `${digests.join("\n")}\n`);
  return { name, folder, digests, list_file, script_file, job_id: null };
}

export async function recordJobId(submission: Submission, job_id: string): Promise<void> {
  submission.job_id = job_id;
  const file: SubmissionFile = {
    schema_version: "vrx_slurm_submission_v1",
    job_id,
    submitted_utc: new Date().toISOString(),
  };
  await writeDurably(join(submission.folder, "submission.json"), `${JSON.stringify(file)}\n`);
}

/** Nothing of it is queued or running any more; its files stay as a record of what was asked of Slurm. */
export async function closeSubmission(submission: Submission): Promise<void> {
  await writeDurably(join(submission.folder, "closed"), "");
}

/** What earlier runs on this store have submitted and not seen to its end. */
export async function openSubmissions(store_dir: string): Promise<readonly Submission[]> {
  const names = await readdir(folderOf(store_dir)).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const found = await Promise.all(
    names
      .filter((name) => /^vrx-[0-9a-f]{16}$/.test(name))
      .sort()
      .map((name) => readSubmission(join(folderOf(store_dir), name), name)),
  );
  return found.filter((submission) => submission !== null);
}

async function readSubmission(folder: string, name: string): Promise<Submission | null> {
  if ((await textOf(join(folder, "closed"))) !== null) return null;
  const list_file = join(folder, "digests.txt");
  const list = await textOf(list_file);
  // Another process is writing it just now, or was killed before it submitted anything.
  if (list === null) return null;
  const digests = list.split("\n").filter((line) => line !== "");
  const text = await textOf(join(folder, "submission.json"));
  return { name, folder, digests, list_file, script_file: join(folder, "task.sh"), job_id: jobIdIn(text) };
}

function jobIdIn(text: string | null): string | null {
  if (text === null) return null;
  const file: unknown = JSON.parse(text);
  return typeof file === "object" && file !== null && "job_id" in file && typeof file.job_id === "string"
    ? file.job_id
    : null;
}

async function writeDurably(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  const file = await open(beside, "wx");
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
