import { readFile } from "node:fs/promises";
import { writeDurably } from "../store/durable.js";

/** What training needs beside the engine's own checkpoint to go on as if nothing had happened. */
export interface TrainingProgress {
  readonly loss_first: number | null;
  readonly loss_last: number | null;
  readonly wall_s: number;
}

const MAGIC = "vrx-assoc-checkpoint-1\n";

/** Writes a checkpoint whole or not at all: a kill in the middle leaves the one before. */
export async function writeTrainingCheckpoint(
  file: string,
  digest: string,
  progress: TrainingProgress,
  engine: Uint8Array,
): Promise<void> {
  const head = `${MAGIC}${JSON.stringify({ digest, ...progress })}\n`;
  await writeDurably(file, Buffer.concat([Buffer.from(head), engine]));
}

/** The checkpoint of a plan; null where there is none, a damaged one, or one of another plan. */
export async function readTrainingCheckpoint(
  file: string,
  digest: string,
): Promise<{ readonly progress: TrainingProgress; readonly engine: Uint8Array } | null> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const end = bytes.indexOf(10, MAGIC.length);
  if (end < 0 || bytes.subarray(0, MAGIC.length).toString() !== MAGIC) return null;
  let head: TrainingProgress & { digest: string };
  try {
    head = JSON.parse(bytes.subarray(MAGIC.length, end).toString()) as typeof head;
  } catch {
    return null;
  }
  if (head.digest !== digest) return null;
  const { loss_first, loss_last, wall_s } = head;
  return { progress: { loss_first, loss_last, wall_s }, engine: bytes.subarray(end + 1) };
}
