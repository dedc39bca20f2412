import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { TrialState, TrialStore } from "../src/store/trial-store.js";
import type { Trial } from "../src/trial/trial.js";
import type { TrialResult } from "../src/trial/trial-result.js";

/** How long an attempt of this store counts as alive without a sign of life. */
const lease_ms = 1_500;

/**
 * A store with one file per result and one per attempt, for tests of executors: it fences attempts by their token, and
 * writes down who published and who was refused. It knows every trial.
 */
export function fileStore(dir: string): TrialStore {
  const results = join(dir, "results");
  const attempts = join(dir, "attempts");
  for (const folder of [results, attempts]) mkdirSync(folder, { recursive: true });
  const resultOf = (digest: string): TrialResult | null => {
    const file = join(results, `${digest}.json`);
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as TrialResult) : null;
  };
  const attemptFile = (digest: string): string => join(attempts, digest);
  const holds = (digest: string, token: string): boolean => {
    const file = attemptFile(digest);
    return existsSync(file) && readFileSync(file, "utf8") === token;
  };
  const log = (line: string): void => appendFileSync(join(dir, "store.log"), `${line}\n`);
  return {
    dir,
    put: () => Promise.resolve(),
    trial: (digest) => Promise.resolve({ digest } as Trial),
    result: (digest) => Promise.resolve(resultOf(digest)),
    resultFolder: () => Promise.resolve(null),
    begin(digest) {
      const result = resultOf(digest);
      if (result !== null) return Promise.resolve({ status: "done", result });
      const file = attemptFile(digest);
      if (existsSync(file) && Date.now() - statSync(file).mtimeMs < lease_ms) {
        return Promise.resolve({ status: "taken", by: "another" });
      }
      const token = `${process.pid}-${Math.random()}`;
      writeFileSync(file, token);
      log(`begun ${digest} ${process.pid}`);
      return Promise.resolve({ status: "begun", attempt: { digest, token, folder: dir } });
    },
    renew({ digest, token }) {
      if (!holds(digest, token)) return Promise.resolve(false);
      utimesSync(attemptFile(digest), new Date(), new Date());
      return Promise.resolve(true);
    },
    publish({ digest, token }, { status }) {
      const mine = holds(digest, token) && resultOf(digest) === null;
      log(`${mine ? "published" : "superseded"} ${digest} ${process.pid}`);
      if (!mine) return Promise.resolve({ status: "superseded" });
      writeFileSync(join(results, `${digest}.json`), JSON.stringify({ digest, status, attempt: token }));
      return Promise.resolve({ status: "published", result: resultOf(digest)! });
    },
    abandon({ digest, token }) {
      if (holds(digest, token)) utimesSync(attemptFile(digest), 0, 0);
      log(`abandoned ${digest} ${process.pid}`);
      return Promise.resolve();
    },
    states() {
      const names = readdirSync(results).filter((name) => name.endsWith(".json"));
      const stateOf = (digest: string): TrialState => ({ digest, status: "passed", attempts: 1, running: false });
      return Promise.resolve(new Map(names.map((name) => name.replace(".json", "")).map((d) => [d, stateOf(d)])));
    },
    close: () => Promise.resolve(),
  };
}
