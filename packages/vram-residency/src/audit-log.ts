import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { type AuditEvent, type AuditSink, isCritical } from "./audit-event.js";
import { VramResidencyError } from "./errors.js";
import { auditLine } from "./verify/audit-chain.js";
import { type AuditAnchor, type AuditVerdict, verifyAudit } from "./verify/index.js";

export interface AuditLogOptions {
  /** The file lines are appended to; full ones are set aside beside it as `NAME.FIRST-LAST.ndjson`. */
  readonly file: string;
  readonly worker_id: string;
  /** Milliseconds since 1970; null leaves times out. The clock's unless given. */
  readonly clock?: (() => number) | null;
  /** A file is set aside once it is this large; 100 MiB unless given. */
  readonly maxFileBytes?: number;
  /** Nothing is written to a disk with less free space than this; 10 MiB unless given. */
  readonly minFreeBytes?: number;
}

/** An audit log in a file, with the head of its chain to anchor elsewhere. */
export interface AuditLog extends AuditSink {
  readonly head: AuditAnchor;
}

const MAX_FILE_BYTES = 100 * 2 ** 20;
const MIN_FREE_BYTES = 10 * 2 ** 20;
const MAX_BUFFERED = 1000;
const FLUSH_AFTER_MS = 200;
const MAX_FIELD = 1024;

/**
 * Opens an append-only, hash-chained log of one worker. Another writer on the same file is refused. Critical events are on
 * disk when `emit` returns, the others within 200 ms. What the last writer left unfinished is cut off and said in the log.
 * Throws `config_error` where the file cannot be opened or is no chain.
 */
export function openAuditLog(options: AuditLogOptions): AuditLog {
  mkdirSync(dirname(options.file), { recursive: true });
  const release = lock(`${options.file}.lock`);
  try {
    return new FileAuditLog(options, release);
  } catch (error) {
    release();
    throw error;
  }
}

class FileAuditLog implements AuditLog {
  readonly #options: AuditLogOptions;
  readonly #release: () => void;
  #fd: number;
  #bytes: number;
  #firstSeq: number;
  #head: AuditAnchor;
  #pending: string[] = [];
  #pendingCritical = 0;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  #criticalFailures = 0;
  #closed = false;

  constructor(options: AuditLogOptions, release: () => void) {
    this.#options = options;
    this.#release = release;
    const left = takeUp(options.file);
    this.#fd = left.fd;
    this.#bytes = left.bytes;
    this.#head = left.head;
    this.#firstSeq = left.firstSeq;
    if (left.unclean) {
      this.emit({ event_type: "UncleanShutdown", torn_bytes: left.torn_bytes, lost_shards: left.lost_shards });
    }
  }

  get head(): AuditAnchor {
    return this.#head;
  }

  get emit_failures(): number {
    return this.#failures;
  }

  get critical_emit_failures(): number {
    return this.#criticalFailures;
  }

  emit(event: AuditEvent, correlation_id?: string): void {
    const critical = isCritical(event);
    if (this.#closed) {
      this.#count(1, critical ? 1 : 0);
      return;
    }
    const { clock = Date.now, worker_id } = this.#options;
    const record = {
      timestamp: clock === null ? null : new Date(clock()).toISOString(),
      worker_id,
      ...(correlation_id === undefined ? {} : { correlation_id: printable(correlation_id) }),
      ...Object.fromEntries(Object.entries(event).map(([key, value]) => [key, printable(value)])),
    };
    const line = auditLine(record, this.#head, nodeSha256);
    this.#head = line.head;
    this.#pending.push(line.text);
    if (critical) this.#pendingCritical++;
    if (critical || this.#pending.length >= MAX_BUFFERED) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_AFTER_MS).unref();
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#pending.length === 0 || this.#closed) return;
    try {
      this.#write(Buffer.from(`${this.#pending.join("\n")}\n`));
    } catch {
      // They stay pending: the chain must not have a hole. The next flush tries again; a full buffer gives up its oldest count.
      this.#count(this.#pending.length, this.#pendingCritical);
      this.#dropWhatNobodyCanWrite();
      return;
    }
    this.#pending = [];
    this.#pendingCritical = 0;
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    closeSync(this.#fd);
    this.#release();
  }

  #write(bytes: Buffer): void {
    const { file, minFreeBytes = MIN_FREE_BYTES, maxFileBytes = MAX_FILE_BYTES } = this.#options;
    const disk = statfsSync(dirname(file));
    if (disk.bavail * disk.bsize < minFreeBytes) throw new Error("the disk of the audit log is full");
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#fd, bytes, written);
      fsyncSync(this.#fd);
    } catch (error) {
      // Half a line would break the chain for ever.
      ftruncateSync(this.#fd, this.#bytes);
      throw error;
    }
    this.#bytes += bytes.length;
    if (this.#bytes >= maxFileBytes) this.#setAside();
  }

  #setAside(): void {
    const { file } = this.#options;
    renameSync(file, setAsideName(file, this.#firstSeq, this.#head.seq));
    closeSync(this.#fd);
    this.#fd = openSync(file, "a+", 0o600);
    this.#bytes = 0;
    this.#firstSeq = this.#head.seq + 1;
    const folder = openSync(dirname(file), "r");
    fsyncSync(folder);
    closeSync(folder);
  }

  #count(events: number, critical: number): void {
    this.#failures += events;
    this.#criticalFailures += critical;
  }

  #dropWhatNobodyCanWrite(): void {
    const first = this.#pending[0];
    if (first === undefined) return;
    // The chain goes on from what is on disk, so what is lost is lost as a whole and counted, never half there.
    this.#head = previousOf(first);
    this.#pending = [];
    this.#pendingCritical = 0;
  }
}

/** Node's hash, which takes a tenth of the time of the pure one. */
function nodeSha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function previousOf(line: string): AuditAnchor {
  const { seq, prev_hash } = JSON.parse(line) as { seq: number; prev_hash: string };
  return { seq: seq - 1, hash: prev_hash };
}

function setAsideName(file: string, first: number, last: number): string {
  const digits = (seq: number): string => String(seq).padStart(12, "0");
  return join(dirname(file), `${basename(file, ".ndjson")}.${digits(first)}-${digits(last)}.ndjson`);
}

/** The files of a log in the order of their lines: those set aside, then the one that is written to. */
export function auditFiles(file: string): readonly string[] {
  const stem = basename(file, ".ndjson");
  const aside = readdirSync(dirname(file)).filter((name) => {
    const range = name.startsWith(`${stem}.`) ? name.slice(stem.length + 1) : "";
    return /^\d{12}-\d{12}\.ndjson$/u.test(range);
  });
  return [...aside.sort().map((name) => join(dirname(file), name)), ...(existsSync(file) ? [file] : [])];
}

/** Verifies a log over all its files, without opening it for writing. */
export function verifyAuditLog(file: string, options: { readonly anchor?: AuditAnchor } = {}): AuditVerdict {
  return verifyAudit(linesOf(auditFiles(file)), options);
}

function* linesOf(files: readonly string[]): Generator<string> {
  for (const file of files) {
    const lines = readFileSync(file, "utf8").split("\n");
    const rest = lines.pop() ?? "";
    yield* lines;
    // A torn line is no line of the chain, and fails as one.
    if (rest !== "") yield rest;
  }
}

interface LeftBehind {
  readonly fd: number;
  readonly bytes: number;
  readonly firstSeq: number;
  readonly head: AuditAnchor;
  readonly unclean: boolean;
  readonly torn_bytes: number;
  readonly lost_shards: readonly string[];
}

/** Opens the file where its last writer left it: verifies the chain, cuts off half a line, finds what was not ended. */
function takeUp(file: string): LeftBehind {
  let fd: number;
  try {
    fd = openSync(file, "a+", 0o600);
  } catch (error) {
    throw new VramResidencyError("config_error", `the audit log ${file} cannot be opened for writing`, {
      cause: error,
    });
  }
  try {
    const bytes = Buffer.alloc(fstatSync(fd).size);
    for (let read = 0; read < bytes.length;) read += readSync(fd, bytes, read, bytes.length - read, read);
    const whole = bytes.lastIndexOf(0x0a) + 1;
    const torn_bytes = bytes.length - whole;
    if (torn_bytes > 0) ftruncateSync(fd, whole);
    const earlier = auditFiles(file).filter((name) => name !== file);
    const own = bytes.toString("utf8", 0, whole).split("\n").slice(0, -1);
    const verdict = verifyAudit(chainedLines(linesOf(earlier), own));
    if (verdict.status === "broken") {
      const message = `the audit log ${file} is broken at line ${verdict.line} (${verdict.message}): keep it as evidence and name another file`;
      throw new VramResidencyError("config_error", message, {
        details: { line: verdict.line, problem: verdict.problem },
      });
    }
    const { unclean, lost_shards } = unfinished(chainedLines(linesOf(earlier), own));
    const firstSeq = verdict.head.seq - own.length + 1;
    return {
      fd,
      bytes: whole,
      firstSeq,
      head: verdict.head,
      unclean: unclean || torn_bytes > 0,
      torn_bytes,
      lost_shards,
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function* chainedLines(...parts: readonly Iterable<string>[]): Generator<string> {
  for (const part of parts) yield* part;
}

/** Which shards were allocated by a worker that did not stop, and not freed. */
function unfinished(lines: Iterable<string>): { readonly unclean: boolean; readonly lost_shards: readonly string[] } {
  const live = new Set<string>();
  let running = false;
  for (const line of lines) {
    const { event_type, shard_id } = JSON.parse(line) as { event_type?: unknown; shard_id?: unknown };
    if (event_type === "WorkerStarted") running = true;
    if (event_type === "WorkerStopped" || event_type === "UncleanShutdown") {
      running = false;
      live.clear();
    }
    if (typeof shard_id !== "string") continue;
    if (event_type === "VramAllocated") live.add(shard_id);
    if (event_type === "VramDeallocated" || event_type === "VramDeallocationFailed") live.delete(shard_id);
  }
  return { unclean: running, lost_shards: [...live] };
}

/** Texts without control characters, so that no line of the log can be made to look like another on a terminal. */
function printable(value: unknown): unknown {
  if (typeof value === "string") return value.slice(0, MAX_FIELD).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\ufffd");
  return Array.isArray(value) ? value.map(printable) : value;
}

/** Locks of this process: in a container every start may have the same process id. */
const held = new Set<string>();

/** One writer at a time: a file with its process id, taken over from a process that is gone. */
function lock(file: string): () => void {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx", mode: 0o600 });
      held.add(file);
      return () => {
        held.delete(file);
        rmSync(file, { force: true });
      };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) {
        throw new VramResidencyError("config_error", `the audit log cannot be locked with ${file}`, { cause: error });
      }
      const holder = holderOf(file);
      const alive = holder === process.pid ? held.has(file) : holder !== null && isAlive(holder);
      if (alive) {
        throw new VramResidencyError(
          "config_error",
          `process ${holder ?? 0} writes to this audit log: give each worker a log of its own`,
        );
      }
      rmSync(file, { force: true });
    }
  }
  throw new VramResidencyError("config_error", `the audit log cannot be locked with ${file}: others keep taking it`);
}

function holderOf(file: string): number | null {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
