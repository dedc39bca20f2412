import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type System, parseManifest, planManifest } from "@vrx/manifest";
import { describe, expect, it } from "vitest";
import { type BatchSpec, buildForward } from "../src/system/build-system.js";
import { sizeOf } from "../src/tensor/program.js";

const presets = fileURLToPath(new URL("../../manifest/presets/", import.meta.url));

/** A small batch of what a system reads. */
function batchOf(system: System): BatchSpec {
  const floats = (...shape: number[]) => ({ shape, dtype: "float32" as const });
  const whole = (...shape: number[]) => ({ shape, dtype: "int32" as const });
  if (system.impl !== null) throw new Error("a system of the user's");
  switch (system.ref) {
    case "system.language_model":
      return { input_ids: whole(1, 4) };
    case "system.generic": {
      const { embedder } = system.config.model;
      if (embedder.type !== "patch") throw new Error("no pictures");
      return { [system.config.input_key]: floats(1, embedder.in_channels, embedder.image_size, embedder.image_size) };
    }
    case "system.mlp_classifier":
      return { inputs: floats(2, system.config.d_in) };
    case "system.gcn":
      return { x: floats(3, system.config.d_in), adj: floats(3, 3) };
    case "system.diffusion_denoiser":
      return { x_t: floats(2, system.config.d_in), t: whole(2) };
    case "system.graph":
      throw new Error("no preset is a graph");
  }
}

describe("a plan promises as many parameters as the engine makes", () => {
  const manifests = readdirSync(presets)
    .filter((name) => name.endsWith(".yml"))
    .map((name) => [name, parseManifest(readFileSync(presets + name, "utf8"))] as const);
  const targets = manifests.flatMap(([name, manifest]) =>
    manifest.targets.flatMap((target) =>
      target.type === "experiment" ? [[name, target.name, manifest] as const] : [],
    ),
  );

  it.each(targets)("%s, %s", (_, target, manifest) => {
    const [planned] = planManifest(manifest, { target }).targets;
    if (planned?.type !== "experiment") throw new Error("no experiment");
    const { system } = planned.lowered;
    const { parameters } = buildForward({ system }, batchOf(system));
    const sum = (list: typeof parameters) => list.reduce((total, { shape }) => total + sizeOf(shape), 0);
    for (const { params, trainable_params } of planned.runs) {
      expect(sum(parameters)).toBe(params);
      expect(sum(parameters.filter(({ trainable }) => trainable))).toBe(trainable_params);
    }
  });
});
