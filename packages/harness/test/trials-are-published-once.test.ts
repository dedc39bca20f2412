import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Outcome, type TrialStore, openStore, trialOf } from "../src/index.js";
import type { Attempt, ProbePlan, Trial } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

function trial(seed = 1): Trial {
  const plan: ProbePlan = {
    schema_version: "vrx_trial_v1",
    kind: "probe",
    workload: {
      schema_version: "workload_schema_v1",
      ant_spec: { ring_len: 16, slot_dim: 8, ptr_dtype: "fp64", precision: "fp64" },
      colony_spec: { seq_len: 4, synth_len: 4, batch_size: 2, ptr_update_every: 1, state_loop_samples: 0 },
    },
    heads: 1,
    seed,
    runner: { kind: "program", argv: ["true"], env: {}, version: null },
    toolkit: null,
    warmup_steps: 1,
    measure_steps: 2,
    contract: "objective_contract_v1",
    vram_guard_ratio: null,
    amp: null,
    memory_budget_bytes: null,
  };
  return trialOf(plan);
}

const outcome: Outcome = {
  status: "passed",
  reasons: [],
  started_utc: "2026-01-01T00:00:00.000Z",
  executor: "test",
  gpu_uuid: null,
  simulated: false,
  figures: {},
};

async function begun(store: TrialStore, digest: string): Promise<Attempt> {
  const begin = await store.begin(digest, { executor: "test" });
  if (begin.status !== "begun") throw new Error(`expected an attempt, found ${begin.status}`);
  return begin.attempt;
}

describe("a store of trials", () => {
  it("publishes a result whole, and finds it again by digest in another process's place", async () => {
    const dir = temporaryFolder();
    const one = trial();
    const store = await openStore(dir);
    await store.put([one]);
    const attempt = await begun(store, one.digest);
    mkdirSync(join(attempt.folder, "deep"));
    writeFileSync(join(attempt.folder, "deep/data.txt"), "hello");
    expect(await store.result(one.digest)).toBeNull();
    expect(await store.publish(attempt, outcome)).toMatchObject({ status: "published" });
    await store.close();

    const again = await openStore(dir);
    expect(await again.trial(one.digest)).toEqual(one);
    expect(await again.result(one.digest)).toMatchObject({ status: "passed", attempt: attempt.token });
    expect((await again.states()).get(one.digest)).toMatchObject({ status: "passed", attempts: 1, running: false });
    expect((await again.begin(one.digest, { executor: "test" })).status).toBe("done");
    expect(readdirSync(join(dir, "claims"))).toEqual([]);
    expect(readdirSync(join(dir, "attempts"))).toEqual([]);
    await again.close();
  });

  it("lets one of two attempts at a time begin", async () => {
    const store = await openStore(temporaryFolder());
    const { digest } = trial();
    const begins = await Promise.all(Array.from({ length: 8 }, () => store.begin(digest, { executor: "test" })));
    expect(begins.filter(({ status }) => status === "begun")).toHaveLength(1);
    expect(begins.filter(({ status }) => status === "taken")).toHaveLength(7);
    await store.close();
  });

  it("takes over from an attempt without signs of life, which then cannot publish", async () => {
    const store = await openStore(temporaryFolder(), { lease_s: 0 });
    const { digest } = trial();
    const late = await begun(store, digest);
    const next = await begun(store, digest);
    expect(await store.renew(late)).toBe(false);
    expect(await store.publish(late, outcome)).toMatchObject({ status: "superseded" });
    expect(await store.result(digest)).toBeNull();
    expect(await store.publish(next, outcome)).toMatchObject({ status: "published" });
    expect((await store.result(digest))?.attempt).toBe(next.token);
    expect(existsSync(join(store.dir, "superseded", `${digest}.${late.token}`, "result.json"))).toBe(false);
    await store.close();
  });

  it("gives a trial back without a trace of a result", async () => {
    const store = await openStore(temporaryFolder());
    const { digest } = trial();
    const attempt = await begun(store, digest);
    await store.abandon(attempt, "interrupted");
    expect((await store.states()).get(digest)).toMatchObject({ status: "not_run", running: false });
    expect((await begun(store, digest)).token).not.toBe(attempt.token);
    await store.close();
  });

  it.each([
    ["changed", (folder: string) => writeFileSync(join(folder, "data.txt"), "jello")],
    ["added", (folder: string) => writeFileSync(join(folder, "more.txt"), "")],
    ["no JSON", (folder: string) => writeFileSync(join(folder, "result.json"), "{")],
  ])("sets a result aside in which something was %s, and runs the trial again", async (why, spoil) => {
    const store = await openStore(temporaryFolder());
    const { digest } = trial();
    const attempt = await begun(store, digest);
    writeFileSync(join(attempt.folder, "data.txt"), "hello");
    await store.publish(attempt, outcome);
    spoil((await store.resultFolder(digest))!);
    expect(await store.result(digest)).toBeNull();
    const [note] = readdirSync(join(store.dir, "damaged")).filter((name) => name.endsWith(".txt"));
    expect(readFileSync(join(store.dir, "damaged", note!), "utf8")).toContain(why);
    expect((await store.states()).get(digest)?.status).toBe("not_run");
    expect((await store.begin(digest, { executor: "test" })).status).toBe("begun");
    await store.close();
  });

  it("refuses a plan that is not what its name says", async () => {
    const store = await openStore(temporaryFolder());
    const one = trial();
    await store.put([one]);
    const file = join(store.dir, "plans", one.digest.slice(0, 2), `${one.digest}.json`);
    writeFileSync(file, readFileSync(file, "utf8").replace('"seed":1', '"seed":2'));
    await expect(store.trial(one.digest)).rejects.toMatchObject({ code: "damaged" });
    await expect(store.begin("../x", { executor: "test" })).rejects.toMatchObject({ code: "invalid_argument" });
    await store.close();
  });

  it("reads a journal whose last line was torn", async () => {
    const store = await openStore(temporaryFolder());
    const { digest } = trial();
    await store.publish(await begun(store, digest), outcome);
    await store.close();
    const [segment] = readdirSync(join(store.dir, "journal"));
    writeFileSync(join(store.dir, "journal", segment!), '0123abcd {"event":"beg', { flag: "a" });
    const again = await openStore(store.dir);
    expect((await again.states()).get(digest)?.status).toBe("passed");
    await again.close();
  });
});
