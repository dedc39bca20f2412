// What can be checked and timed only on a host with an NVIDIA GPU, in less than ten minutes. Needs a build
// (`npm run build`) and Node, nothing else: no test runner, no npm, no network.
//
//   node tools/workspace/gpu.mjs [--json FILE] [--only SECTION] [--fake-driver]
//
// Every file in gpu/ is a section: it exports `checks`, functions that return true or say what is wrong, and `figures`, a
// function that yields { name, value, unit, aim?, of? }. Both get the host: { smi, driver, device, simulated }. Ends with
// the sum of the checks. --fake-driver shows that the script itself works where there is no GPU; that proves nothing of a
// GPU, so what passes then is counted as skipped.
import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    json: { type: "string" },
    only: { type: "string" },
    "fake-driver": { type: "boolean", default: false },
  },
});
const simulated = options["fake-driver"];

/** What nvidia-smi says of the first GPU; null where it says nothing. */
function nvidiaSmi() {
  const query = "name,memory.total,compute_cap,driver_version,uuid";
  const words = [`--query-gpu=${query}`, "--format=csv,noheader,nounits"];
  const { status, stdout } = spawnSync("nvidia-smi", words, { encoding: "utf8", timeout: 10_000 });
  if (status !== 0) return null;
  const [name, mib, compute_capability, driver_version, uuid] = stdout.trim().split("\n")[0].split(", ");
  return { name, total_bytes: Number(mib) * 2 ** 20, compute_capability, driver_version, uuid };
}

/** The driver and its first device, or why there is none. */
async function findDevice() {
  const { openDriver } = await import("@vrx/native-cuda");
  if (!simulated) return await openDriver();
  const { fakeDriver } = await import("@vrx/native-cuda/testing");
  return { status: "ok", driver: await fakeDriver().open() };
}

const folder = new URL("./gpu/", import.meta.url);
const sections = await Promise.all(
  readdirSync(folder)
    .filter((file) => file.endsWith(".mjs"))
    .map((file) => file.slice(0, -4))
    .filter((name) => options.only === undefined || name === options.only)
    .sort()
    .map(async (name) => ({ name, ...(await import(new URL(`${name}.mjs`, folder).href)) })),
);
const sum = { passed: 0, failed: 0, skipped: 0 };
const results = { utc: new Date().toISOString(), simulated, smi: null, checks: [], figures: [] };

function note(section, check, outcome, why) {
  sum[outcome] += 1;
  results.checks.push({ section, check, outcome, why: why ?? null });
  console.log(`${outcome}: ${section}: ${check}${why === undefined ? "" : `\n  ${why}`}`);
}

async function runSection({ name, checks = {}, figures }, host) {
  for (const [check, run] of Object.entries(checks)) {
    if (simulated && run.needs_hardware === true) {
      note(name, check, "skipped", "it needs a real GPU");
      continue;
    }
    try {
      const outcome = await run(host);
      if (outcome !== true) note(name, check, "failed", String(outcome));
      else note(name, check, simulated ? "skipped" : "passed", simulated ? "it passes on the fake driver" : undefined);
    } catch (error) {
      note(name, check, "failed", error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }
  if (figures === undefined) return;
  try {
    for await (const figure of figures(host)) {
      results.figures.push({ section: name, ...figure });
      const { value, unit, aim, of } = figure;
      const share = of === undefined ? "" : `, ${((100 * value) / of.value).toFixed(1)} % of ${of.name}`;
      const wanted = aim === undefined ? "" : `, aim: ${significant(aim)}`;
      const amount = value === null ? `not measured: ${figure.why}` : `${significant(value)} ${unit}${share}${wanted}`;
      console.log(`${simulated ? "simulated figure" : "figure"}: ${name}: ${figure.name}: ${amount}`);
    }
  } catch (error) {
    note(name, "its figures can be measured", "failed", error instanceof Error ? error.stack : String(error));
  }
}

function significant(value) {
  return Number(value.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 20 });
}

const smi = nvidiaSmi();
const opened = await findDevice();
results.smi = smi;
if (opened.status !== "ok") {
  console.log(`no GPU here (${opened.reason}): ${opened.message}; ${opened.fix}`);
  for (const { name, checks = {} } of sections) {
    for (const check of Object.keys(checks)) note(name, check, "skipped");
  }
} else {
  const { driver } = opened;
  const [device] = driver.devices;
  console.log(`${device.name} (${device.uuid}), driver ${smi?.driver_version ?? driver.api_version}`);
  for (const section of sections) await runSection(section, { smi, driver, device, simulated });
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ ...results, sum }, null, 2)}\n`);
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ""}`);
process.exitCode = sum.failed > 0 ? 1 : 0;
