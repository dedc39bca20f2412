import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { TrainingEvent } from "../train/run-training.js";

/** A line of `train.jsonl`: what training told, or what went wrong. */
export type LogEvent =
  TrainingEvent | { readonly type: "problem"; readonly step: number; readonly data: Readonly<Record<string, string>> };

/** The log of a run, `train.jsonl`: a line per event, handed to the system before the next step. */
export class RunLog {
  readonly #path: string;
  readonly #common: { readonly run_id: string; readonly phase: string };

  constructor(path: string, common: { readonly run_id: string; readonly phase: string }) {
    this.#path = path;
    this.#common = common;
    mkdirSync(dirname(path), { recursive: true });
  }

  /** Appends an event with the time and the process. Throws what the system says where there is no room. */
  write({ type, step, data }: LogEvent): void {
    const ts = Date.now() / 1000;
    appendFileSync(this.#path, `${JSON.stringify({ type, ts, pid: process.pid, ...this.#common, step, data })}\n`);
  }
}
