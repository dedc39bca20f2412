import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { formatIssues, readManifest } from "../src/index.js";

const folder = fileURLToPath(new URL("../presets/", import.meta.url));

test("there are the nine presets", () => {
  expect(readdirSync(folder).sort()).toEqual([
    "diffusion_vector.yml",
    "graph_node_classification.yml",
    "llama32_1b_dba.yml",
    "lora_finetune.yml",
    "mamba_ssm.yml",
    "mlp_classifier.yml",
    "moe_transformer.yml",
    "standard_transformer.yml",
    "vit.yml",
  ]);
});

test.each(readdirSync(folder))("%s is a manifest with a smoke and a full entrypoint", (filename) => {
  const read = readManifest(readFileSync(folder + filename, "utf8"), { filename });
  expect(read.status === "ok" ? "" : formatIssues(read.issues, { filename })).toBe("");
  if (read.status !== "ok") return;
  expect(read.manifest.entrypoints).toMatchObject({ smoke: "smoke", full: expect.any(String) as string });
});
