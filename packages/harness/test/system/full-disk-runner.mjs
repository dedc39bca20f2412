// Publishes trials on a disk that is full a little later each time: node full-disk-runner.mjs DIR
import { rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore, trialOf } from "../../dist/index.js";

const dir = process.argv[2];
const ballast = join(dir, "ballast");
const trial = (seed) =>
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
  });

async function publish(one) {
  const store = await openStore(join(dir, "store"), { lease_s: 0 });
  try {
    await store.put([one]);
    const begun = await store.begin(one.digest, { executor: "test" });
    if (begun.status === "done") return "done";
    writeFileSync(join(begun.attempt.folder, "data.txt"), one.digest.repeat(150));
    const published = await store.publish(begun.attempt, {
      status: "passed",
      reasons: [],
      started_utc: "",
      executor: "test",
      gpu_uuid: null,
      simulated: false,
      figures: { letter: one.digest[0] },
    });
    return published.status;
  } finally {
    await store.close().catch(() => undefined);
  }
}

const seen = { full: 0, published: 0, wrong: [] };
for (let pages = 0; pages < 24; pages++) {
  const one = trial(pages);
  // All that is free but so many pages.
  writeFileSync(ballast, "");
  const { bavail, bsize } = statfsSync(dir);
  writeFileSync(ballast, Buffer.alloc(Math.max(0, (bavail - pages) * bsize)));
  const first = await publish(one).catch((error) => error.code ?? String(error));
  if (first === "ENOSPC") seen.full++;
  else if (first !== "published") seen.wrong.push({ pages, first });
  truncateSync(ballast, 0);
  const store = await openStore(join(dir, "store"), { lease_s: 0 });
  const between = await store.result(one.digest);
  const state = (await store.states()).get(one.digest)?.status;
  await store.close();
  if (between !== null && between.figures.letter !== one.digest[0]) seen.wrong.push({ pages, between });
  if (first === "published" && between === null) seen.wrong.push({ pages, lost: true });
  if (state === "passed" && between === null) seen.wrong.push({ pages, state });
  const second = await publish(one).catch((error) => error.code ?? String(error));
  if (second !== "published" && !(second === "done" && between !== null)) seen.wrong.push({ pages, second });
  else seen.published++;
}
const store = await openStore(join(dir, "store"));
for (let pages = 0; pages < 24; pages++) {
  const { digest } = trial(pages);
  if ((await store.result(digest))?.figures.letter !== digest[0]) seen.wrong.push({ pages, end: true });
}
await store.close();
rmSync(ballast);
console.log(JSON.stringify(seen));
