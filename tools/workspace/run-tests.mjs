// Runs one suite (an Nx target) over all projects and ends with the sum of their results.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const suites = { test: "test", "test:packages": "packages", "test:system": "system" };
const target = process.argv[2] ?? "test";
const suite = suites[target];
if (suite === undefined) {
  console.error(`run-tests: no suite ${target}; there are ${Object.keys(suites).join(", ")}`);
  process.exit(2);
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const results = `${root}/.test-results`;
mkdirSync(results, { recursive: true });
const reports = () => readdirSync(results).filter((name) => name.endsWith(`.${suite}.json`));
for (const name of reports()) rmSync(`${results}/${name}`);

const nx = `${root}/node_modules/.bin/nx`;
const run = spawnSync(nx, ["run-many", "-t", target, "--output-style=static", ...process.argv.slice(3)], {
  cwd: root,
  stdio: "inherit",
});

const sum = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
for (const name of reports()) {
  const report = JSON.parse(readFileSync(`${results}/${name}`, "utf8"));
  sum.passed += report.numPassedTests;
  sum.failed += report.numFailedTests;
  sum.skipped += report.numPendingTests + (report.numTodoTests ?? 0);
  // A file that cannot be loaded has no tests to count, and still is a failure.
  sum.failed += report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.length === 0,
  ).length;
  for (const file of report.testResults.filter(({ status }) => status === "failed")) {
    const failed = file.assertionResults.filter(({ status }) => status === "failed");
    const where = file.name.replace(`${root}/`, "");
    if (failed.length === 0) failures.push({ what: where, why: file.message });
    for (const { fullName, failureMessages } of failed) {
      failures.push({ what: `${where}: ${fullName}`, why: failureMessages[0] ?? "" });
    }
  }
}
// The reasons first, so that the names stand together at the end.
for (const { what, why } of failures) console.log(`${what}\n  ${why}`);
for (const { what } of failures) console.log(`failed: ${what}`);
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ""}`);
process.exitCode = run.status ?? 1;
