import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import {
  type WorkloadSpec,
  canonicalWorkloadJson,
  computeWorkloadId,
  parseWorkloadSpec,
  presets,
} from "@vrx/workload-schema";
import { build } from "esbuild";
import type { Row } from "./row.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Ids a second from objects and from texts, in Node and as a browser build makes them, beside plain Python. */
export async function run(): Promise<Row[]> {
  const specs: WorkloadSpec[] = Array.from({ length: 1000 }, (_, index) => ({
    ...presets.od1_real,
    ant_spec: { ...presets.od1_real.ant_spec, ring_len: 8192 + index },
  }));
  const texts = specs.map((spec) => JSON.stringify(spec));
  const canonical = specs.map(canonicalWorkloadJson);
  const python = pythonRates(texts);
  const inBrowser = await browserBuild();

  return [
    row("workload id from objects", rate(specs, computeWorkloadId), 400_000, python?.objects),
    row(
      "workload id from texts",
      rate(texts, (text) => computeWorkloadId(parseWorkloadSpec(text))),
      200_000,
      python?.texts,
    ),
    row("workload id from objects, browser build", rate(specs, inBrowser), 60_000, python?.objects),
    {
      name: "SHA-256 alone, the limit in Node",
      value: rate(canonical, (text) => hash("sha256", text)),
      unit: "hashes/s",
    },
  ];
}

function row(name: string, value: number, aim: number, python: number | undefined): Row {
  const unit = "ids/s";
  if (python === undefined) return { name, value, unit, aim };
  return { name, value, unit, aim, baseline: { name: "Python", value: python }, ratio: value / python };
}

/** Calls a second: the best of five rounds of a quarter of a second, after one that warms up. */
function rate<T>(items: readonly T[], work: (item: T) => unknown): number {
  let best = 0;
  for (let round = 0; round < 6; round++) {
    const started = performance.now();
    let calls = 0;
    let elapsed_ms = 0;
    while (elapsed_ms < 250) {
      for (const item of items) work(item);
      calls += items.length;
      elapsed_ms = performance.now() - started;
    }
    if (round > 0) best = Math.max(best, (calls / elapsed_ms) * 1000);
  }
  return best;
}

/** `computeWorkloadId` as a bundler makes it for browsers, in a scope that has no `process`: the portable hash. */
async function browserBuild(): Promise<(spec: WorkloadSpec) => unknown> {
  const { outputFiles } = await build({
    stdin: { contents: 'export { computeWorkloadId } from "@vrx/workload-schema";', resolveDir: root },
    bundle: true,
    minify: true,
    format: "iife",
    globalName: "vrx",
    platform: "browser",
    write: false,
  });
  const scope: { vrx?: { computeWorkloadId(spec: WorkloadSpec): unknown }; TextEncoder: unknown } = { TextEncoder };
  runInNewContext(outputFiles[0]?.text ?? "", scope);
  const { vrx } = scope;
  if (vrx === undefined) throw new Error("the browser build defines nothing");
  return (spec) => vrx.computeWorkloadId(spec);
}

/** What plain Python (json and hashlib) makes of the same texts; nothing where there is no python3. */
function pythonRates(texts: readonly string[]): { objects: number; texts: number } | undefined {
  const script = `${root}packages/workload-schema/test/python/check_specs.py`;
  const input = Array.from({ length: 20 }, () => texts)
    .flat()
    .map((text) => Buffer.from(text).toString("base64"))
    .join("\n");
  try {
    const answer: unknown = JSON.parse(execFileSync("python3", [script, "--rate"], { input, encoding: "utf8" }));
    return isRates(answer) ? answer : undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isRates(value: unknown): value is { objects: number; texts: number } {
  return typeof value === "object" && value !== null && "objects" in value && "texts" in value;
}
