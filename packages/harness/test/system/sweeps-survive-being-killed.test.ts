import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openStore } from "../../src/index.js";
import { temporaryFolder } from "../temporary-folder.js";

const runner = fileURLToPath(new URL("kill-runner.mjs", import.meta.url));

/** Runs the sweep and kills it after a while; null: not at all. Gives what it printed, empty when it was killed. */
function runFor(dir: string, kill_ms: number | null): Promise<string> {
  return new Promise((settle) => {
    const child = spawn(process.execPath, [runner, dir], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const timer = kill_ms === null ? undefined : setTimeout(() => child.kill("SIGKILL"), kill_ms);
    child.on("close", () => {
      clearTimeout(timer);
      settle(text);
    });
  });
}

/** How often each trial was published, by all journals. */
function published(dir: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of readdirSync(join(dir, "journal"))) {
    for (const line of readFileSync(join(dir, "journal", name), "utf8").split("\n")) {
      const digest = /"event":"published","digest":"([0-9a-f]{64})"/.exec(line)?.[1];
      if (digest !== undefined) counts.set(digest, (counts.get(digest) ?? 0) + 1);
    }
  }
  return counts;
}

describe("a sweep", () => {
  it("killed at 200 random moments loses no trial and publishes none twice", async () => {
    const seed = Date.now() % 2 ** 31;
    console.log(`seed of the moments: ${seed}`);
    let state = seed;
    const next = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
    let killed = 0;
    for (let sweep = 0; killed < 200; sweep++) {
      const dir = temporaryFolder();
      // Two runners at once in every third sweep.
      for (let round = 0; round < 25 && killed < 200; round++) {
        const runs = Array.from({ length: sweep % 3 === 2 ? 2 : 1 }, () => runFor(dir, 60 + next() * 250));
        killed += (await Promise.all(runs)).filter((text) => text === "").length;
      }
      const events = JSON.parse(await runFor(dir, null)) as string[];
      expect(events.filter((event) => event === "known" || event === "finished")).toHaveLength(40);
      const store = await openStore(dir);
      const counts = published(dir);
      for (const times of counts.values()) expect(times).toBeLessThanOrEqual(1);
      let results = 0;
      for (const shard of readdirSync(join(dir, "results"))) {
        for (const digest of readdirSync(join(dir, "results", shard))) {
          expect((await store.result(digest))?.figures).toEqual({ letter: digest[0] });
          results++;
        }
      }
      expect(results).toBe(40);
      expect(readdirSync(join(dir, "damaged"))).toEqual([]);
      await store.close();
    }
  }, 240_000);
});
