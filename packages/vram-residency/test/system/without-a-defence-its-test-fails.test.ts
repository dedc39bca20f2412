import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { type Defence, defences } from "../defences/defences.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const folder = mkdtempSync(join(tmpdir(), "vrx-defences-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Report {
  readonly testResults: readonly { readonly assertionResults: readonly { readonly status: string }[] }[];
}

/** How the tests of a row ended without its defence: `failed`, `passed`, or what kept them from being run. */
async function outcome({ row, test, name }: Defence): Promise<string> {
  const report = join(folder, `${row}.json`);
  const args = ["run", "-c", "vitest.mutated.config.ts", `test/${test}.test.ts`, "-t", name];
  const output = await new Promise<string>((resolve) => {
    execFile(
      process.execPath,
      [vitest, ...args, "--reporter=json", `--outputFile=${report}`],
      { cwd: root, env: { ...process.env, VRX_DEFENCE: String(row) }, timeout: 120_000 },
      (_error, stdout, stderr) => resolve(stdout + stderr),
    );
  });
  let results: Report["testResults"];
  try {
    ({ testResults: results } = JSON.parse(readFileSync(report, "utf8")) as Report);
  } catch {
    return `no report: ${output.slice(-2000)}`;
  }
  const statuses = results.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
  if (statuses.includes("failed")) return "failed";
  return statuses.includes("passed") ? "passed" : `nothing ran: ${output.slice(-2000)}`;
}

it("every test of the table of attacks fails without its defence", { timeout: 590_000 }, async () => {
  const queue = [...defences];
  const survived: string[] = [];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const found = await outcome(next);
      if (found !== "failed") survived.push(`row ${next.row} (${next.test}: ${next.name}): ${found}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker));
  expect(survived).toEqual([]);
});
