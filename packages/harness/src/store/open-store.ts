import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { HarnessError } from "../errors.js";
import type { Trial } from "../trial/trial.js";
import { trialDigest } from "../trial/trial-digest.js";
import type { TrialResult, TrialStatus } from "../trial/trial-result.js";
import { Claims } from "./claims.js";
import { exists, makeFolder, syncFolder, writeWhole } from "./durable.js";
import { inParallel } from "../in-parallel.js";
import { Journal } from "./journal.js";
import { RESULT_FILE, sealBelow, verifyResult } from "./result-files.js";
import type { Attempt, Outcome, Published, TrialState, TrialStore } from "./trial-store.js";

export interface StoreOptions {
  /** Seconds without a sign of life after which an attempt on another host counts as dead; 60 unless given. */
  readonly lease_s?: number;
}

const FOLDERS = ["plans", "claims", "attempts", "results", "superseded", "damaged", "journal"] as const;

function checkDigest(digest: string): string {
  if (/^[0-9a-f]{64}$/.test(digest)) return digest;
  throw new HarnessError("invalid_argument", `digest: expected 64 hexadecimal digits, found ${JSON.stringify(digest)}`);
}

/** The token of the attempt whose result a folder is; null where there is none. */
async function publishedBy(folder: string): Promise<string | null> {
  try {
    const { attempt } = JSON.parse(await readFile(join(folder, RESULT_FILE), "utf8")) as Partial<TrialResult>;
    return attempt ?? null;
  } catch {
    return null;
  }
}

/**
 * Opens a folder of trials and results, making it if it is not there; see docs/trial-store.md for its layout and what it
 * guarantees. Any number of processes may have it open, on several hosts where the folder is shared.
 */
export async function openStore(dir: string, options: StoreOptions = {}): Promise<TrialStore> {
  for (const folder of FOLDERS) await makeFolder(join(dir, folder));
  const claims = new Claims(join(dir, "claims"), options.lease_s ?? 60);
  const journal = new Journal(join(dir, "journal"));
  const shard = (kind: "plans" | "results", digest: string): string => join(dir, kind, checkDigest(digest).slice(0, 2));
  const planFile = (digest: string): string => join(shard("plans", digest), `${digest}.json`);
  const folderOf = (digest: string): string => join(shard("results", digest), digest);

  async function trial(digest: string): Promise<Trial | null> {
    let text: string;
    try {
      text = await readFile(planFile(digest), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
    let read: Trial | null = null;
    try {
      read = JSON.parse(text) as Trial;
    } catch {
      // No JSON: damaged, as below.
    }
    if (read !== null && trialDigest(read.plan) === digest) return read;
    throw new HarnessError("damaged", `${planFile(digest)}: the plan there does not have the digest it is filed under`);
  }

  /** The result, if it verifies; one that does not is set aside, so that it is neither used nor lost. */
  async function verified(digest: string): Promise<TrialResult | null> {
    const folder = folderOf(digest);
    const found = await verifyResult(folder, digest);
    if (found.status === "ok") return found.result;
    if (found.status === "damaged") {
      const aside = join(dir, "damaged", `${digest}.${Date.now()}-${process.pid}`);
      await rename(folder, aside);
      await writeFile(`${aside}.txt`, `${found.why}\n`);
      await journal.append({ event: "damaged", digest, why: found.why });
    }
    return null;
  }

  async function supersede({ digest, token, folder }: Attempt): Promise<Published> {
    await rename(folder, join(dir, "superseded", `${digest}.${token}`));
    await claims.release(digest, token);
    await journal.append({ event: "superseded", digest, attempt: token });
    return { status: "superseded" };
  }

  async function publish(attempt: Attempt, outcome: Outcome): Promise<Published> {
    const { digest, token, folder } = attempt;
    const [holds, files] = await Promise.all([
      claims.renew(digest, token),
      sealBelow(folder),
      makeFolder(shard("results", digest)),
    ]);
    if (!holds) return supersede(attempt);
    const result: TrialResult = {
      schema_version: "vrx_trial_result_v1",
      digest,
      status: outcome.status,
      reasons: outcome.reasons,
      attempt: token,
      started_utc: outcome.started_utc,
      ended_utc: new Date().toISOString(),
      host: hostname(),
      executor: outcome.executor,
      gpu_uuid: outcome.gpu_uuid,
      simulated: outcome.simulated,
      figures: outcome.figures,
      files,
    };
    await writeFile(join(folder, RESULT_FILE), `${JSON.stringify(result, null, 2)}\n`, { flush: true });
    await syncFolder(folder);
    // Hashing may have taken long; this is the last look, and the rename below fails where a result already is.
    if (!(await claims.holds(digest, token))) return supersede(attempt);
    try {
      await rename(folder, folderOf(digest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A server of NFS that answers a repeated request says ENOENT of a folder that the first one moved.
      const moved = code === "ENOENT" && (await publishedBy(folderOf(digest))) === token;
      if (!moved && code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
      if (!moved) return supersede(attempt);
    }
    await syncFolder(shard("results", digest));
    await Promise.all([
      journal.append({ event: "published", digest, attempt: token, status: outcome.status }),
      claims.release(digest, token),
    ]);
    return { status: "published", result };
  }

  return {
    dir,
    trial,
    publish,
    result: verified,
    async put(trials) {
      const wanted = await inParallel([...trials], async (one) => ((await exists(planFile(one.digest))) ? null : one));
      const missing = wanted.filter((one) => one !== null);
      const shards = [...new Set(missing.map(({ digest }) => shard("plans", digest)))];
      await inParallel(shards, makeFolder);
      await inParallel(missing, (one) => writeWhole(planFile(one.digest), `${JSON.stringify(one)}\n`));
      await inParallel(shards, syncFolder);
    },
    async resultFolder(digest) {
      return (await exists(folderOf(digest))) ? folderOf(digest) : null;
    },
    async begin(digest, { executor }) {
      const before = await verified(digest);
      if (before !== null) return { status: "done", result: before };
      const claimed = await claims.claim(digest);
      if (claimed.status === "taken") return claimed;
      const { token } = claimed;
      // Published between the look and the claim.
      const meanwhile = await verified(digest);
      if (meanwhile !== null) {
        await claims.release(digest, token);
        return { status: "done", result: meanwhile };
      }
      const attempt: Attempt = { digest, token, folder: join(dir, "attempts", `${digest}.${token}`) };
      // Neither need outlast the power: an attempt without a result is begun again.
      await Promise.all([mkdir(attempt.folder), journal.note({ event: "begun", digest, attempt: token, executor })]);
      return { status: "begun", attempt };
    },
    renew: ({ digest, token }) => claims.renew(digest, token),
    async abandon({ digest, token, folder }, why) {
      await rm(folder, { recursive: true, force: true });
      await claims.release(digest, token);
      await journal.append({ event: "abandoned", digest, attempt: token, why });
    },
    async states() {
      const states = new Map<string, { status: TrialStatus; attempts: Set<string>; open: Set<string> }>();
      for (const entry of (await journal.read()).entries) {
        let state = states.get(entry.digest);
        if (state === undefined) {
          state = { status: "not_run", attempts: new Set(), open: new Set() };
          states.set(entry.digest, state);
        }
        if (entry.event === "damaged") state.status = "not_run";
        else if (entry.event === "begun") {
          state.attempts.add(entry.attempt);
          state.open.add(entry.attempt);
        } else {
          state.open.delete(entry.attempt);
          if (entry.event === "published") state.status = entry.status;
        }
      }
      return new Map(
        Array.from(states, ([digest, { status, attempts, open }]): [string, TrialState] => [
          digest,
          { digest, status, attempts: attempts.size, running: status === "not_run" && open.size > 0 },
        ]),
      );
    },
    close: () => journal.close(),
  };
}
