import { cpus } from "node:os";
import { parseArgs } from "node:util";
import type { Row } from "./row.js";

/** What there is to measure; each is loaded only when it is run. */
const benches: Readonly<Record<string, () => Promise<{ run(): Promise<readonly Row[]> }>>> = {
  "workload-id": () => import("./workload-id.js"),
  "ring-cpu": () => import("./ring-cpu.js"),
  "ring-cuda": () => import("./ring-cuda.js"),
  "cli-startup": () => import("./cli-startup.js"),
  "tree-hash": () => import("./tree-hash.js"),
  manifest: () => import("./manifest.js"),
  experiment: () => import("./experiment.js"),
  residency: () => import("./residency.js"),
  packets: () => import("./packets.js"),
  sweeps: () => import("./sweeps.js"),
};

const usage = `usage: npm run bench [-- [--json] [NAME...]]
  NAME   ${Object.keys(benches).join(", ")} (all of them by default)`;

/** Runs the benchmarks that are named, prints a row per figure, and returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { json: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const names = positionals.length > 0 ? positionals : Object.keys(benches);
  const unknown = names.filter((name) => !Object.hasOwn(benches, name));
  if (unknown.length > 0) {
    console.error(`bench: there is no ${unknown.join(", ")}\n${usage}`);
    return 2;
  }
  const results: Record<string, readonly Row[]> = {};
  for (const name of names) {
    const load = benches[name];
    if (load === undefined) continue;
    if (!values.json) console.log(`\n${name}`);
    const rows = await (await load()).run();
    results[name] = rows;
    if (!values.json) for (const row of rows) console.log(formatRow(row));
  }
  if (values.json) {
    const [cpu] = cpus();
    const host = { cpu: cpu?.model ?? null, cores: cpus().length, node: process.version, platform: process.platform };
    console.log(JSON.stringify({ host, utc: new Date().toISOString(), results }, null, 2));
  }
  return 0;
}

function formatRow({ name, value, unit, baseline, ratio, ratio_of, aim, floor }: Row): string {
  const notes = [
    ratio === undefined ? null : `${significant(ratio)} x ${ratio_of ?? baseline?.name ?? "baseline"}`,
    baseline === undefined ? null : `${baseline.name}: ${significant(baseline.value)}`,
    aim === undefined ? null : `aim: ${significant(aim)}`,
    floor === undefined ? null : `floor: ${significant(floor)}`,
  ].filter((note) => note !== null);
  return `  ${name.padEnd(44)} ${significant(value).padStart(12)} ${unit.padEnd(10)} ${notes.join(", ")}`.trimEnd();
}

function significant(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}
