// The body of one task of a Slurm array: runs the trial of its line, and publishes it. Exit 0: there is a result; 75: the
// trial was given back and may be run again; 69: this node failed its preflight, and another one should run it.
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { parseArgs } from "node:util";
import { preflightFigures, preflightNode, whyUnfit } from "../../hosts/node-preflight.js";
import { openStore } from "../../store/open-store.js";
import { runAttempt } from "../run-attempt.js";
import { spawnTrial } from "../spawn-trial.js";
import { readPause } from "../wait-for-idle.js";

const EX_TEMPFAIL = 75;
const EX_UNAVAILABLE = 69;

const { values } = parseArgs({
  options: {
    store: { type: "string" },
    list: { type: "string" },
    "time-s": { type: "string" },
    "memory-bytes": { type: "string" },
    pause: { type: "string" },
    preflight: { type: "boolean" },
  },
});

function limit(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}

async function main(): Promise<void> {
  const index = Number(process.env["SLURM_ARRAY_TASK_ID"] ?? "NaN");
  const digest = readFileSync(values.list ?? "", "utf8").split("\n")[index];
  if (digest === undefined || digest === "") throw new Error(`the list ${values.list} has no line ${index}`);
  const stop = new AbortController();
  // What Slurm sends before it takes the node away.
  for (const name of ["SIGTERM", "SIGINT", "SIGUSR1"] as const) process.once(name, () => stop.abort());
  const seen = values.preflight === true ? await preflightNode(stop.signal) : null;
  const unfit = seen === null ? null : whyUnfit(seen, hostname());
  if (unfit !== null) {
    process.stderr.write(`${unfit}\n`);
    process.exitCode = EX_UNAVAILABLE;
    return;
  }
  const store = await openStore(values.store ?? "");
  const pause = values.pause === undefined ? null : readPause(JSON.parse(values.pause));
  const attempted = await runAttempt({
    digest,
    store,
    executor: "slurm",
    limits: { time_s: limit(values["time-s"]), memory_bytes: limit(values["memory-bytes"]) },
    device: process.env["CUDA_VISIBLE_DEVICES"] ?? null,
    run: spawnTrial,
    signal: stop.signal,
    wait_s: 60,
    renew_s: 5,
    ...(pause === null ? {} : { pause }),
    ...(seen === null ? {} : { figures: preflightFigures(seen) }),
  });
  await store.close();
  if (attempted.status === "given_back") {
    process.stderr.write(`${attempted.why}\n`);
    process.exitCode = EX_TEMPFAIL;
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = EX_TEMPFAIL;
});
