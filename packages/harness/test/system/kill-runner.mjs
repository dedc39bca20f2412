// Runs a sweep of small trials in this process, to be killed at any moment: node kill-runner.mjs DIR ARTIFACTS
// Each trial leaves the same artifacts, those of the folder ARTIFACTS, so that every finished sweep has the same packets.
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  defineSweep,
  expandSweep,
  localExecutor,
  openStore,
  runSweep,
  sweepResults,
  trialsOf,
} from "../../dist/index.js";

const [dir, artifacts] = process.argv.slice(2);
const sweep = defineSweep({
  schema_version: "vrx_sweep_v1",
  name: "killed",
  base: {
    ring_len: 16,
    slot_dim: 8,
    ptr_dtype: "fp64",
    precision: "fp64",
    seq_len: 4,
    synth_len: 4,
    batch_size: 2,
    ptr_update_every: 1,
    state_loop_samples: 0,
  },
  axes: [{ grid: { state_loop_samples: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] } }],
  seeds: [1, 2, 3],
  runner: { argv: ["true"] },
  probe: { warmup_steps: 1, measure_steps: 20 },
  capability: { task: { keys: 2, pairs: 1, values: 2, train_samples: 1, eval_samples: 1 }, ring_tokens: 8 },
});
const configurations = await expandSweep(sweep);
const store = await openStore(dir);
const run = async ({ attempt }) => {
  const { plan } = await store.trial(attempt.digest);
  writeFileSync(join(attempt.folder, "data.txt"), attempt.digest.repeat(50));
  if (plan.kind === "probe") cpSync(join(artifacts, "run"), join(attempt.folder, "run"), { recursive: true });
  else cpSync(join(artifacts, "report.json"), join(attempt.folder, "report.json"));
  await delay(2);
  const figures = { letter: attempt.digest[0] };
  return { status: "passed", reasons: [], started_utc: "", executor: "", gpu_uuid: null, simulated: false, figures };
};
const seen = [];
const trials = trialsOf(sweep, configurations);
for await (const event of runSweep(trials, { store, executor: localExecutor({ run, parallel: 2 }) })) seen.push(event);
const { packets } = await sweepResults(configurations, store, dir);
await store.close();
console.log(JSON.stringify({ events: seen.map(({ event }) => event), packets }));
