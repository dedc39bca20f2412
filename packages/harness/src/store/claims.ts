import { randomBytes } from "node:crypto";
import { link, open, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** Who is at a trial. A claim shows signs of life by its time of modification, which the file server keeps. */
interface Claim {
  readonly token: string;
  readonly host: string;
  readonly boot: string | null;
  readonly pid: number;
  readonly started: string | null;
}

export type Claimed =
  { readonly status: "claimed"; readonly token: string } | { readonly status: "taken"; readonly by: string };

function bootId(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null;
  }
}

/** The start time of a process in the kernel's ticks: a number that a later process of the same pid does not have. */
function startOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

/** Stands for the holder of a claim that cannot be read; no attempt has its token. */
const nobody: Claim = { token: "", host: "a host that is unknown", boot: null, pid: 0, started: null };

function gone(claim: Claim): boolean {
  if (claim.host !== hostname()) return false;
  if (claim.boot !== bootId()) return true;
  return claim.started !== null && startOf(claim.pid) !== claim.started;
}

function code(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** Somebody else has taken it away, or an answer of the file server was lost. */
function ignoreMissing(error: unknown): void {
  if (code(error) !== "ENOENT") throw error;
}

/** Writes over the first character of a claim what it is, so that the file server, whose clock is the same for all, says when. */
async function touch(file: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    await handle.write("{", 0);
  } finally {
    await handle.close();
  }
}

/**
 * One claim per trial, made by link(2): that either makes the name or fails, on NFS too. A claim whose process is gone,
 * or that showed no sign of life for the length of the lease, may be taken over; its holder then finds out when it next
 * renews or publishes.
 */
export class Claims {
  readonly #folder: string;
  readonly #lease_ms: number;

  constructor(folder: string, lease_s: number) {
    this.#folder = folder;
    this.#lease_ms = lease_s * 1000;
  }

  #file(digest: string): string {
    return join(this.#folder, digest);
  }

  async #read(file: string): Promise<Claim | null> {
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (error) {
      if (code(error) === "ENOENT") return null;
      throw error;
    }
    try {
      return JSON.parse(text) as Claim;
    } catch {
      // Its host lost power before the content reached the disk: nobody holds it, and its lease runs out.
      return nobody;
    }
  }

  async claim(digest: string): Promise<Claimed> {
    const token = randomBytes(16).toString("hex");
    const own = join(this.#folder, `.${digest}.${token}`);
    const claim: Claim = {
      token,
      host: hostname(),
      boot: bootId(),
      pid: process.pid,
      started: startOf(process.pid),
    };
    await writeFile(own, JSON.stringify(claim), { flag: "wx" });
    try {
      // A few rounds: between a look and a link the name may change hands.
      for (let round = 0; round < 5; round++) {
        try {
          await link(own, this.#file(digest));
          return { status: "claimed", token };
        } catch (error) {
          if (code(error) !== "EEXIST") throw error;
          // A server of NFS that answers a repeated request says so of a link that the first one made: the count knows.
          if ((await stat(own)).nlink > 1) return { status: "claimed", token };
        }
        const holder = await this.#look(digest, own);
        if (holder !== null) return { status: "taken", by: `process ${holder.pid} on ${holder.host}` };
      }
      return { status: "taken", by: "several others at once" };
    } finally {
      await unlink(own).catch(ignoreMissing);
    }
  }

  /** The holder, if it is alive; a dead one's claim is taken away. `own` tells the time of the file server. */
  async #look(digest: string, own: string): Promise<Claim | null> {
    const file = this.#file(digest);
    const holder = await this.#read(file);
    if (holder === null) return null;
    await touch(own);
    const [theirs, ours] = await Promise.all([stat(file).catch(() => null), stat(own)]);
    if (theirs === null) return null;
    if (!gone(holder) && ours.mtimeMs - theirs.mtimeMs < this.#lease_ms) return holder;
    const aside = `${own}.stale`;
    try {
      await rename(file, aside);
    } catch (error) {
      if (code(error) === "ENOENT") return null;
      throw error;
    }
    // Somebody quicker may have put a living claim there in between: it goes back where it was.
    const moved = await this.#read(aside);
    if (moved !== null && moved.token !== holder.token) await link(aside, file).catch(() => undefined);
    await unlink(aside).catch(ignoreMissing);
    return null;
  }

  async holds(digest: string, token: string): Promise<boolean> {
    return (await this.#read(this.#file(digest)))?.token === token;
  }

  /** A sign of life; false where the claim is no longer this one's. */
  async renew(digest: string, token: string): Promise<boolean> {
    if (!(await this.holds(digest, token))) return false;
    await touch(this.#file(digest)).catch(() => undefined);
    return this.holds(digest, token);
  }

  async release(digest: string, token: string): Promise<void> {
    if (await this.holds(digest, token)) await unlink(this.#file(digest)).catch(ignoreMissing);
  }
}
