import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, open, readFile, readdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { PublishedStatus } from "../trial/trial-result.js";
import { syncFolder } from "./durable.js";

/** What happened to a trial, one line each; a journal only ever grows. */
export type JournalEntry =
  | { readonly event: "begun"; readonly digest: string; readonly attempt: string; readonly executor: string }
  | { readonly event: "published"; readonly digest: string; readonly attempt: string; readonly status: PublishedStatus }
  | { readonly event: "superseded"; readonly digest: string; readonly attempt: string }
  | { readonly event: "abandoned"; readonly digest: string; readonly attempt: string; readonly why: string }
  | { readonly event: "damaged"; readonly digest: string; readonly why: string };

export type StampedEntry = JournalEntry & { readonly at: string };

export interface JournalRead {
  readonly entries: readonly StampedEntry[];
  /** Lines that are cut off or changed, and were left out: a process that was killed leaves at most one. */
  readonly unreadable: number;
}

function sum(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

/**
 * The journal of a store: one segment per writer, since appending to one file from two hosts loses lines on NFS. Each
 * line carries a checksum of its own, so that a torn one is seen.
 */
export class Journal {
  readonly #folder: string;
  #segment: Promise<FileHandle> | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async #open(): Promise<FileHandle> {
    const name = `${hostname().replaceAll(/[^\w.-]/g, "_")}-${process.pid}-${randomBytes(4).toString("hex")}.jsonl`;
    const handle = await open(join(this.#folder, name), "ax");
    await syncFolder(this.#folder);
    return handle;
  }

  /** Resolves when the entry is on disk. */
  append(entry: JournalEntry): Promise<void> {
    return this.#write(entry, true);
  }

  /** Resolves when the entry is written; it is on disk when a later one is appended. */
  note(entry: JournalEntry): Promise<void> {
    return this.#write(entry, false);
  }

  #write(entry: JournalEntry, lasting: boolean): Promise<void> {
    const write = async (): Promise<void> => {
      this.#segment ??= this.#open();
      const handle = await this.#segment;
      const text = JSON.stringify({ at: new Date().toISOString(), ...entry });
      await handle.appendFile(`${sum(text)} ${text}\n`);
      if (lasting) await handle.datasync();
    };
    const done = this.#last.then(write, write);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** All entries of all writers, by time; those of one writer in their order. */
  async read(): Promise<JournalRead> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith(".jsonl")).sort();
    const entries: StampedEntry[] = [];
    let unreadable = 0;
    for (const name of names) {
      for (const line of (await readFile(join(this.#folder, name), "utf8")).split("\n")) {
        if (line === "") continue;
        const text = line.slice(9);
        if (sum(text) === line.slice(0, 8)) entries.push(JSON.parse(text) as StampedEntry);
        else unreadable++;
      }
    }
    return { entries: entries.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)), unreadable };
  }

  async close(): Promise<void> {
    await this.#last;
    await (await this.#segment)?.close();
    this.#segment = null;
  }
}
