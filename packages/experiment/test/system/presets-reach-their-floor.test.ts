import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lowerManifest, parseManifest } from "@vrx/manifest";
import { afterAll, describe, expect, it } from "vitest";
import { type RunReport, runTarget } from "../../src/index.js";

const presets = fileURLToPath(new URL("../../../manifest/presets/", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "vrx-presets-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The loss may be so many times what whoever knows how the data was made would have. */
const MOST_OVER_FLOOR = 1.2;
/** The share of the way from guessing to that floor, for the loss and, where there are classes, for the accuracy. */
const LEAST_OF_THE_WAY = 0.75;

describe("the smoke of every preset learns what can be learnt of its data", () => {
  it.each(readdirSync(presets).filter((name) => name.endsWith(".yml")))(
    "%s",
    async (filename) => {
      const manifest = lowerManifest(parseManifest(readFileSync(presets + filename, "utf8")));
      const target = manifest.targets.find(({ name }) => name === manifest.entrypoints["smoke"]);
      if (target?.type !== "experiment") throw new Error(`${filename}: its smoke is no experiment`);
      const { dir } = await runTarget(manifest, target, { root, out: join(root, filename) });

      // What counts is what the artifacts say.
      const report = JSON.parse(readFileSync(join(dir, "report.json"), "utf8")) as {
        status: string;
        failures: string[];
        runs: RunReport[];
      };
      expect(report.failures).toEqual([]);
      expect(report.status).toBe("completed");
      for (const { reference, validation } of report.runs) {
        const { floor, guessing, result, best_accuracy, guessing_accuracy, accuracy } = reference!;
        expect(result).toBe(validation!["loss"]);
        expect(floor).toBeGreaterThan(0);
        expect(result / floor).toBeLessThan(MOST_OVER_FLOOR);
        expect((guessing - result) / (guessing - floor)).toBeGreaterThan(LEAST_OF_THE_WAY);
        if (best_accuracy === null) continue;
        const way = (accuracy! - guessing_accuracy!) / (best_accuracy - guessing_accuracy!);
        expect(way).toBeGreaterThan(LEAST_OF_THE_WAY);
      }
    },
    600_000,
  );
});
