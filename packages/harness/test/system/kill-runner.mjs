// Runs a sweep of small trials in this process, to be killed at any moment: node kill-runner.mjs DIR
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { localExecutor, openStore, runSweep, trialOf } from "../../dist/index.js";

const workload = {
  schema_version: "workload_schema_v1",
  ant_spec: { ring_len: 16, slot_dim: 8, ptr_dtype: "fp64", precision: "fp64" },
  colony_spec: { seq_len: 4, synth_len: 4, batch_size: 2, ptr_update_every: 1, state_loop_samples: 0 },
};
const trials = Array.from({ length: 40 }, (_, seed) =>
  trialOf({
    schema_version: "vrx_trial_v1",
    kind: "capability",
    workload,
    heads: 1,
    seed,
    runner: { kind: "program", argv: ["true"], env: {}, version: null },
    toolkit: null,
    task: { keys: 2, pairs: 1, values: 2, train_samples: 1, eval_samples: 1 },
    steps: 1,
    ring_tokens: 8,
  }),
);
const store = await openStore(process.argv[2]);
const run = async ({ attempt }) => {
  writeFileSync(join(attempt.folder, "data.txt"), attempt.digest.repeat(50));
  await delay(2);
  const figures = { letter: attempt.digest[0] };
  return { status: "passed", reasons: [], started_utc: "", executor: "", gpu_uuid: null, simulated: false, figures };
};
const seen = [];
for await (const event of runSweep(trials, { store, executor: localExecutor({ run, parallel: 2 }) })) seen.push(event);
await store.close();
console.log(JSON.stringify(seen.map(({ event }) => event)));
