import type * as fs from "node:fs/promises";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Outcome, openStore } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

/** Calls whose answer is lost: they happen, and the repeated request is told what it then finds. */
const { lost } = vi.hoisted(() => ({ lost: { link: 0, rename: 0 } }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof fs>();
  const failure = (code: string): Error => Object.assign(new Error(code), { code });
  return {
    ...real,
    async link(from: string, to: string) {
      await real.link(from, to);
      if (lost.link-- > 0) throw failure("EEXIST");
    },
    async rename(from: string, to: string) {
      await real.rename(from, to);
      if (to.includes("/results/") && lost.rename-- > 0) throw failure("ENOENT");
    },
  };
});

const digest = "ab".repeat(32);
const outcome: Outcome = {
  status: "passed",
  reasons: [],
  started_utc: "2026-01-01T00:00:00.000Z",
  executor: "test",
  gpu_uuid: null,
  simulated: false,
  figures: {},
};

beforeEach(() => Object.assign(lost, { link: 0, rename: 0 }));

describe("a store on a file server that repeats requests", () => {
  it("knows that a claim is its own though the link is said to have been there", async () => {
    lost.link = 1;
    const store = await openStore(temporaryFolder());
    const begun = await store.begin(digest, { executor: "test" });
    expect(begun.status).toBe("begun");
    // Another one is still kept out.
    expect((await store.begin(digest, { executor: "test" })).status).toBe("taken");
    await store.close();
  });

  it("knows that a result is its own though its folder is said to be gone", async () => {
    lost.rename = 1;
    const store = await openStore(temporaryFolder());
    const begun = await store.begin(digest, { executor: "test" });
    if (begun.status !== "begun") throw new Error(begun.status);
    expect(await store.publish(begun.attempt, outcome)).toMatchObject({ status: "published" });
    expect((await store.result(digest))?.attempt).toBe(begun.attempt.token);
    expect((await store.states()).get(digest)).toMatchObject({ status: "passed", running: false });
    expect(readdirSync(join(store.dir, "claims"))).toEqual([]);
    await store.close();
  });
});
