import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { formatPlan, parseManifest, planManifest } from "../src/index.js";

const read = (path: string) =>
  parseManifest(readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8"), { filename: path });

test("the complete example plans to the golden text", async () => {
  const text = formatPlan(planManifest(read("test/fixtures/complete_example.yml")));
  await expect(`${text}\n`).toMatchFileSnapshot("fixtures/complete_example.plan.txt");
});

test("lines have the documented form", () => {
  const lines = formatPlan(planManifest(read("test/fixtures/complete_example.yml"))).split("\n");
  expect(lines.slice(0, 11)).toEqual([
    "manifest.version=2",
    "targets.count=1",
    "target.name=full_pipeline type=experiment path=targets[0]",
    "components: task=task.language_modeling data=dataset.tokens system=system.language_model objective=objective.next_token_ce trainer=trainer.standard",
    "runs.count=1 benchmarks.count=1",
    "model.type=TransformerModel",
    "model.topology:",
    "  - topology=StackedTopology repeat=1 path=targets[0].system.model.topology",
    "    - topology=NestedTopology repeat=1 path=targets[0].system.model.topology.layers[0].topology",
    "      - topology=ResidualTopology repeat=1 path=targets[0].system.model.topology.layers[0].topology.layers[0].topology",
    "        - layer=RMSNormLayer path=targets[0].system.model.topology.layers[0].topology.layers[0].topology.layers[0]",
  ]);
  expect(lines).toContain("    - layer=LinearLayer path=targets[0].system.model.topology.layers[2]");
});

// Layer by layer on paper: see the formulas in layer-shapes.ts.
test.each([
  ["standard_transformer", 76_713_553],
  ["moe_transformer", 208_831_105],
  ["mamba_ssm", 71_856_721],
  ["lora_finetune", 145_076_305],
  ["mlp_classifier", 101_386],
  ["diffusion_vector", 148_096],
  ["graph_node_classification", 2_496],
])("%s has %i parameters", (name, params) => {
  const plan = planManifest(read(`presets/${name}.yml`), { target: "full" });
  const [target] = plan.targets;
  expect(target?.type === "experiment" ? target.runs.map((run) => run.params) : []).toEqual([params]);
});
