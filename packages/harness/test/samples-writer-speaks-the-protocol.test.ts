import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readSampleLine } from "../src/command/sample-line.js";
import { openSamples } from "../src/command/samples-writer.js";
import { cpuDevice } from "../src/workload.js";
import { temporaryFolder } from "./temporary-folder.js";

const examples = fileURLToPath(new URL("../../../docs/examples/", import.meta.url));

/** What was written to a descriptor, line by line. */
function writtenTo(write: (descriptor: number) => void): ReturnType<typeof readSampleLine>[] {
  const file = join(temporaryFolder(), "samples");
  const descriptor = openSync(file, "w");
  write(descriptor);
  closeSync(descriptor);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.map((line) => readSampleLine(Buffer.from(line)));
}

describe("openSamples", () => {
  it("writes what the harness reads, non-finite losses included", () => {
    const [hello, first, second] = writtenTo((descriptor) => {
      const samples = openSamples({ VRX_SAMPLES_FD: String(descriptor) });
      samples.hello({ executed: { precision: "fp32", amp: false }, device: cpuDevice, extras: { layers: 2 } });
      samples.step({ loss: 0.5, time_s: 0.25, rss_bytes: 7 });
      samples.step({ loss: Number.NaN });
    });
    expect(hello).toMatchObject({
      status: "hello",
      facts: { executed: { precision: "fp32", amp: false }, device: cpuDevice, extras: { layers: 2 } },
    });
    expect(first).toEqual({ status: "step", step: 0, report: { loss: 0.5, time_s: 0.25, rss_bytes: 7 }, ignored: [] });
    expect(second).toMatchObject({ step: 1, report: { loss: Number.NaN, time_s: null } });
  });

  it("does nothing in a program that nobody measures", () => {
    const samples = openSamples({});
    samples.hello({});
    samples.step({ loss: 1 });
  });
});

describe("the Python helper", () => {
  const program =
    "import vrx_samples as v; v.hello(executed_precision='fp64'); v.step(float('nan'), rss_bytes=3); v.step(2)";
  const python = (env: Record<string, string>, stdout: number | "pipe"): ReturnType<typeof spawnSync> =>
    spawnSync("python3", ["-B", "-c", program], {
      cwd: examples,
      env: { PATH: process.env["PATH"] ?? "", ...env },
      stdio: ["ignore", stdout, "pipe"],
      encoding: "utf8",
    });

  it("writes what the harness reads", () => {
    const [hello, first, second] = writtenTo((descriptor) => {
      expect(python({ VRX_SAMPLES_FD: "1" }, descriptor)).toMatchObject({ status: 0, stderr: "" });
    });
    expect(hello).toMatchObject({ facts: { executed: { precision: "fp64", amp: false } } });
    expect(first).toMatchObject({ step: 0, report: { loss: Number.NaN, rss_bytes: 3 } });
    expect(second).toMatchObject({ step: 1, report: { loss: 2, time_s: expect.any(Number) as number } });
  });

  it("does nothing in a program that nobody measures", () => {
    expect(python({}, "pipe")).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });

  it("has at most 20 lines and imports nothing from outside of Python", () => {
    const text = readFileSync(`${examples}vrx_samples.py`, "utf8");
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(20);
    expect(text.match(/^(import|from) .*/gm)).toEqual(["import json, os, time"]);
  });
});
