import { chmodSync, cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { vrx, vrxScript } from "./helpers/vrx.js";

const folder = testFolder();

it("a sweep whose trials are a manifest's target, with its values as variables", () => {
  // The example of the documents, as it is there.
  const examples = fileURLToPath(new URL("../../../docs/examples", import.meta.url));
  cpSync(examples, join(folder, "docs/examples"), { recursive: true });
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin/vrx"), `#!/bin/sh\nexec "${process.execPath}" "${vrxScript}" "$@"\n`);
  chmodSync(join(folder, "bin/vrx"), 0o755);
  const env = { PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}` };
  const { code, stdout, stderr } = vrx(["sweep", "run", "docs/examples/width.sweep.yaml", "--json"], {
    cwd: folder,
    env,
  });
  expect(stderr).not.toContain("error");
  expect(JSON.parse(stdout)).toMatchObject({ done: 2, lost: [] });
  expect(code).toBe(0);

  const { configurations } = JSON.parse(readFileSync(join(folder, "sweeps/width/sweep.json"), "utf8")) as {
    configurations: unknown[];
  };
  expect(configurations).toHaveLength(2);
  // Each trial left its own experiment, trained to its last step with the values of its configuration.
  const runs = join(folder, "artifacts/width/train");
  const reports = readdirSync(runs).map((name) => ({
    manifest: readFileSync(join(runs, name, "manifest.json"), "utf8"),
    report: JSON.parse(readFileSync(join(runs, name, "report.json"), "utf8")) as {
      status: string;
      runs: { steps: number; seed: number }[];
    },
  }));
  expect(reports.map(({ report }) => report.status)).toEqual(["completed", "completed"]);
  expect(reports.map(({ report }) => [report.runs[0]!.steps, report.runs[0]!.seed])).toEqual([
    [45, 1],
    [45, 1],
  ]);
  const widths = reports.map(({ manifest }) => /"d_model": (\d+)/.exec(manifest)![1]!);
  expect(widths.sort()).toEqual(["16", "32"]);
  // And the sweep has its samples: every measured step with its loss and its time.
  const samples = readdirSync(join(folder, "sweeps/width"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("samples.jsonl"),
  );
  expect(samples).toHaveLength(2);
  for (const name of samples) {
    const lines = readFileSync(join(folder, "sweeps/width", name), "utf8")
      .trim()
      .split("\n");
    const steps = lines.map((line) => JSON.parse(line) as { phase: string; loss: number; time_s: number });
    expect(steps.filter(({ phase }) => phase === "measure")).toHaveLength(40);
    expect(steps.every(({ loss, time_s }) => Number.isFinite(loss) && time_s > 0)).toBe(true);
  }
});
