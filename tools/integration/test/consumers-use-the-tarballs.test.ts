import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, expect, inject, test } from "vitest";
import { type Consumer, createConsumer } from "../src/consumer.js";
import { mustRun, run } from "../src/run.js";
import { root } from "../src/workspace.js";

const tarballs = inject("tarballs");
const consumers: Consumer[] = [];
afterAll(() => consumers.forEach((consumer) => consumer.remove()));

function consumer(fixture: string, extra: Readonly<Record<string, string>> = {}): string {
  const made = createConsumer(fixture, tarballs, extra);
  consumers.push(made);
  return made.dir;
}

const expected = {
  id: "wl_v1_37d4c849bed8",
  zod_agrees: true,
  engine: "cpu",
  losses_are_finite: true,
  contract: "objective_contract_v1",
  verdict_repeats: true,
  disagreements: [],
  error_is_recognised: true,
  cuda_addon: "loaded",
  gpus_or_what_to_do: true,
};

test("an ESM project measures, judges and checks a workload", () => {
  const dir = consumer("esm", { zod: "4.6.7" });
  expect(JSON.parse(mustRun(process.execPath, ["main.mjs"], dir))).toMatchObject(expected);
});

test("a CommonJS project does the same, and recognises errors made by the ESM copy", () => {
  const dir = consumer("cjs", { zod: "4.6.7" });
  expect(JSON.parse(mustRun(process.execPath, ["main.cjs"], dir))).toMatchObject({
    ...expected,
    error_of_the_other_copy_is_recognised: true,
  });
});

test("the example in the README runs", () => {
  const dir = consumer("esm");
  const [, example = ""] = /```ts\n(.*?)```/s.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
  writeFileSync(join(dir, "readme.mjs"), example);
  cpSync(join(root, "workloads"), join(dir, "workloads"), { recursive: true });
  const [, promised] = /\/\/ (wl_v1_\w+)/.exec(example) ?? [];
  expect(mustRun(process.execPath, ["readme.mjs"], dir).trim()).toBe(promised);
});

test("the installed command works", () => {
  const dir = consumer("esm", { zod: "4.6.7" });
  const vrx = join(dir, "node_modules/.bin/vrx");
  expect(mustRun(vrx, ["workload", "id", "od1_small"], dir).trim()).toBe(expected.id);
  expect(mustRun(vrx, ["manifest", "plan", "preset:mlp_classifier"], dir)).toContain("target.name=smoke");
  const probe = run(
    vrx,
    ["probe", "od1_small", "--batch", "1", "--warmup-steps", "2", "--measure-steps", "20", "--out", "run"],
    dir,
  );
  expect(probe.status, probe.stdout + probe.stderr).toBe(0);
  expect(run(vrx, ["check", "run", "--json"], dir).status).not.toBe(4);
});

test("the installed command measures, hashes and answers on the fake driver that came with it", () => {
  const dir = consumer("esm", { zod: "4.6.7" });
  const vrx = join(dir, "node_modules/.bin/vrx");
  const spec = {
    schema_version: "workload_schema_v1",
    ant_spec: { ring_len: 24, slot_dim: 12, ptr_dtype: "fp64", precision: "fp32" },
    colony_spec: { seq_len: 6, synth_len: 6, batch_size: 2, ptr_update_every: 1, state_loop_samples: 0 },
  };
  writeFileSync(join(dir, "tiny.json"), JSON.stringify(spec));
  writeFileSync(join(dir, "bytes"), "hello");
  const steps = ["--warmup-steps", "1", "--measure-steps", "3", "--out", "on-fake", "--json"];
  const measured = mustRun(vrx, ["probe", "tiny.json", "--engine", "cuda", "--fake-driver", ...steps], dir);
  expect(JSON.parse(measured)).toMatchObject({
    verdict: "invalid",
    engine: "cuda",
    steps_recorded: 4,
    executed: { precision: "fp32", amp: false },
    invalid_reasons: [{ code: "simulated_device" }],
  });
  expect(JSON.parse(mustRun(vrx, ["doctor", "--fake-driver", "--json"], dir))).toMatchObject({ simulated: true });
  const ofFsverity = "sha256:555b589c26ee43b7a2510e6c67ced9fb3190b6da6e9e683984551f5d77a763de";
  expect(mustRun(vrx, ["digest", "bytes"], dir)).toContain(ofFsverity);
  expect(mustRun(vrx, ["native", "info"], dir)).toContain("prebuilds");
});

test.each(["ts-nodenext", "ts-nodenext-disposable", "ts-browser"])(
  "%s type-checks, declarations included",
  (fixture) => {
    const dir = consumer(fixture, {
      typescript: "5.9.3",
      ...(fixture === "ts-browser" ? {} : { "@types/node": "20.19.25" }),
    });
    const { status, stdout, stderr } = run("npx", ["tsc", "-p", "tsconfig.json"], dir);
    expect(status, stdout + stderr).toBe(0);
  },
);

test("a browser bundle of the pure cores runs where there is no Node", async () => {
  const dir = consumer("browser");
  const { outputFiles } = await build({
    entryPoints: [join(dir, "entry.js")],
    bundle: true,
    format: "iife",
    platform: "browser",
    write: false,
  });
  const page: Record<string, unknown> = { TextEncoder, TextDecoder };
  runInContext(outputFiles[0]!.text, createContext(page));
  expect(page["result"]).toMatchObject({
    ids: { od1_small: expected.id },
    manifest: ["missing_key", "unknown_key"],
    median_s: 3,
  });
});
