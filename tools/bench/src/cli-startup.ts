import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Row } from "./row.js";

const script = join(dirname(createRequire(import.meta.url).resolve("@vrx/cli/package.json")), "bin", "vrx.js");

const commands: Readonly<Record<string, readonly string[]>> = {
  "vrx --help": ["--help"],
  "vrx workload id PRESET": ["workload", "id", "od1_small"],
  "vrx workload id -": ["workload", "id", "-"],
};

/** The input of `vrx workload id -`. */
const spec = JSON.stringify({
  schema_version: "workload_schema_v1",
  ant_spec: { ring_len: 2048, slot_dim: 256, ptr_dtype: "fp64", precision: "fp32" },
  colony_spec: { seq_len: 128, synth_len: 128, batch_size: 4, ptr_update_every: 1, state_loop_samples: 0 },
});

const rounds = 41;

// What the command may cost on top of starting Node; more is felt by a person and by a script that calls it often.
const aim_ms = 60;

/**
 * What starting `vrx` costs on top of starting Node: each round runs bare Node and every command once, and the row is the
 * median over the rounds of the difference within a round, so that a busy machine slows both alike.
 */
export function run(): Promise<Row[]> {
  return Promise.resolve(startUpRows(commands, aim_ms));
}

/** A row for each command line of `vrx`: what it costs on top of starting Node. */
export function startUpRows(commands: Readonly<Record<string, readonly string[]>>, aim_ms: number): Row[] {
  const rows = Object.entries(commands).map(([name, words]) => ({ name, words, differences_ms: [] as number[] }));
  const bare: number[] = [];
  for (let round = -2; round < rounds; round++) {
    const bare_ms = startMs(["-e", "0"]);
    const times_ms = rows.map(({ words }) => startMs([script, ...words]));
    // The first rounds fill the file cache.
    if (round < 0) continue;
    bare.push(bare_ms);
    rows.forEach(({ differences_ms }, i) => differences_ms.push((times_ms[i] ?? Number.NaN) - bare_ms));
  }
  const bare_ms = median(bare);
  return rows.map(({ name, differences_ms }) => ({
    name: `${name}, beyond bare Node`,
    value: median(differences_ms),
    unit: "ms",
    baseline: { name: "node -e 0", value: bare_ms },
    aim: aim_ms,
  }));
}

function startMs(words: readonly string[]): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync(process.execPath, words, { input: spec, encoding: "utf8" });
  const time_ms = performance.now() - begin;
  if (status !== 0) throw new Error(`${words.join(" ")} ended with ${status ?? "a signal"}: ${stderr}`);
  return time_ms;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
