// What can be checked only on a host with an NVIDIA GPU. Needs a build (`npm run build`) and Node, nothing else:
// no test runner, no network. Ends with the sum of its checks.
import { spawnSync } from "node:child_process";

const smi = (query) => {
  const { status, stdout } = spawnSync("nvidia-smi", [`--query-gpu=${query}`, "--format=csv,noheader,nounits"], {
    encoding: "utf8",
    timeout: 10_000,
  });
  return status === 0 ? stdout.trim().split("\n")[0].split(", ") : null;
};

const checks = {
  "env.json names the GPU, its memory, its compute capability and its driver as nvidia-smi does": async ([
    name,
    mib,
    capability,
    driver,
  ]) => {
    const { collectEnv } = await import("@vrx/objective-contract/node");
    const env = await collectEnv({ precision: "fp32", amp: false });
    return (
      env.gpu_name === name &&
      env.total_vram_bytes === Number(mib) * 2 ** 20 &&
      env.compute_capability === capability &&
      env.driver_version === driver
    );
  },
  "a program that reports its memory is held to the VRAM guard of this GPU": async ([, mib]) => {
    const { commandWorkload, probe } = await import("@vrx/harness");
    const { presets } = await import("@vrx/workload-schema");
    const reserved = Number(mib) * 2 ** 20;
    const hello = { hello: { executed_precision: "fp32", device: "cuda:0" } };
    const script = `
      const { writeSync } = require("node:fs");
      const write = (line) => writeSync(Number(process.env.VRX_SAMPLES_FD), JSON.stringify(line) + "\\n");
      write(${JSON.stringify(hello)});
      for (let step = 0; step < 25; step++) write({ step, time_s: 0.01, loss: 1, vram_reserved_bytes: ${reserved} });`;
    const { verdict } = await probe(commandWorkload({ argv: [process.execPath, "-e", script] }), presets.od1_small, {
      warmup_steps: 5,
      measure_steps: 20,
    });
    return verdict.status === "fail" && verdict.fail_reasons.includes("vram_guard");
  },
};

const gpu = smi("name,memory.total,compute_cap,driver_version");
const names = Object.keys(checks);
const sum = { passed: 0, failed: 0, skipped: 0 };
if (gpu === null) {
  console.log("no GPU here: nvidia-smi is not on PATH, or it failed");
  for (const name of names) console.log(`skipped: ${name}`);
  sum.skipped = names.length;
} else {
  for (const name of names) {
    const ok = await checks[name](gpu).catch((error) => {
      console.log(String(error));
      return false;
    });
    console.log(`${ok ? "passed" : "failed"}: ${name}`);
    sum[ok ? "passed" : "failed"]++;
  }
}
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ""}`);
process.exitCode = sum.failed > 0 ? 1 : 0;
