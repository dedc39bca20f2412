import type * as fs from "node:fs/promises";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { type Outcome, type Trial, type TrialStore, openStore, trialOf } from "../../src/index.js";
import { type DiskOperation, type PowerLoss, afterPowerLoss } from "../recorded-disk.js";
import { randomFrom } from "../simulated-device.js";
import { temporaryFolder } from "../temporary-folder.js";

const { log } = vi.hoisted(() => ({ log: [] as DiskOperation[] }));
vi.mock("node:fs/promises", async (original) => {
  const { recording } = await import("../recorded-disk.js");
  return recording(await original<typeof fs>(), log);
});

const trials = [1, 2].map((seed): Trial =>
  trialOf({
    schema_version: "vrx_trial_v1",
    kind: "capability",
    workload: {
      schema_version: "workload_schema_v1",
      ant_spec: { ring_len: 16, slot_dim: 8, ptr_dtype: "fp64", precision: "fp64" },
      colony_spec: { seq_len: 4, synth_len: 4, batch_size: 2, ptr_update_every: 1, state_loop_samples: 0 },
    },
    heads: 1,
    seed,
    runner: { kind: "program", argv: ["true"], env: {}, version: null },
    toolkit: null,
    task: { keys: 2, pairs: 1, values: 2, train_samples: 1, eval_samples: 1 },
    steps: 1,
    ring_tokens: 8,
  }),
);

const outcomeOf = (digest: string): Outcome => ({
  status: "passed",
  reasons: [],
  started_utc: "2026-01-01T00:00:00.000Z",
  executor: "test",
  gpu_uuid: null,
  simulated: false,
  figures: { letter: digest[0]! },
});

const dataOf = (digest: string): string => digest.repeat(20);

/** Runs the trials one after the other; `done` gets the number of disk operations after which each was published. */
async function work(store: TrialStore, done: Map<string, number>): Promise<void> {
  await store.put(trials);
  for (const { digest } of trials) {
    const begun = await store.begin(digest, { executor: "test" });
    if (begun.status !== "begun") continue;
    await writeFile(join(begun.attempt.folder, "data.txt"), dataOf(digest));
    await store.publish(begun.attempt, outcomeOf(digest));
    done.set(digest, log.length);
  }
}

/** What must hold of a folder, whatever happened to it, and that the work can be finished there. */
async function checkFolder(dir: string, published: readonly string[]): Promise<void> {
  const store = await openStore(dir, { lease_s: 0 });
  const states = await store.states();
  for (const { digest } of trials) {
    const result = await store.result(digest);
    if (result !== null) expect(result).toMatchObject({ digest, figures: { letter: digest[0] } });
    if (published.includes(digest)) expect(result, "a published result is lost").not.toBeNull();
    // The journal may know less than there is, never more.
    if (states.get(digest)?.status === "passed")
      expect(result, "the journal has a result that is not there").not.toBeNull();
  }
  const again = new Map<string, number>();
  await work(store, again);
  for (const { digest } of trials) {
    expect((await store.result(digest))?.figures).toEqual({ letter: digest[0] });
    // What was published before is not run again.
    if (published.includes(digest)) expect(again.has(digest)).toBe(false);
  }
  await store.close();
}

describe("a store whose host loses power", () => {
  it("after any operation has every published result, nothing half written, and can be gone on with", async () => {
    const root = temporaryFolder();
    const done = new Map<string, number>();
    log.length = 0;
    const store = await openStore(root);
    await work(store, done);
    await store.close();
    const operations = [...log];
    expect(done.size).toBe(2);
    expect(operations.filter(({ does }) => does === "sync").length).toBeGreaterThan(20);

    const seed = Date.now() % 2 ** 31;
    console.log(`${operations.length} operations; seed of what is lost: ${seed}`);
    const random = randomFrom(seed);
    for (let last = 0; last <= operations.length; last++) {
      const published = [...done].flatMap(([digest, after]) => (after <= last ? [digest] : []));
      for (const loss of ["safe", "names", "random"] as const satisfies readonly PowerLoss[]) {
        const dir = temporaryFolder();
        afterPowerLoss(operations.slice(0, last), root, dir, loss, random);
        await checkFolder(dir, published).catch((error: unknown) => {
          const at = `power lost (${loss}) after operation ${last}: ${JSON.stringify(operations[last - 1] ?? null)}`;
          throw new Error(`${at}: ${String(error)}`, { cause: error });
        });
      }
    }
  }, 120_000);

  it("would lose results without fsync, which is how it is known that this test can fail", async () => {
    const root = temporaryFolder();
    log.length = 0;
    const done = new Map<string, number>();
    const store = await openStore(root);
    await work(store, done);
    await store.close();
    const unsynced = log.filter(({ does }) => does !== "sync");
    const dir = temporaryFolder();
    afterPowerLoss(unsynced, root, dir, "names", randomFrom(1));
    await expect(checkFolder(dir, [...done.keys()])).rejects.toThrow("a published result is lost");
  });
});
