import { lowerManifest, parseManifest } from "@vrx/manifest";
import { describe, expect, it } from "vitest";
import { writePaper } from "../src/paper/write-paper.js";
import { runTarget } from "../src/run/run-target.js";
import { smallExperiment } from "./support/experiments.js";

const processes = {
  paper_review: { reviewer: "r" },
  research_loop: { leader: "r", writer: "r", reviewer: "r" },
  discussion: { leader: "r", topic: "t" },
  code_graph_sync: { agent: "r" },
  paper_collect_artifacts: {},
  idle: { run_code_graph_sync: false, run_research_loop: false },
  platform_improve: {
    ingest_agent: "r",
    leader: "r",
    ideators: ["r"],
    developer: "r",
    verifier: "r",
    workspace: { repo_url: "u" },
  },
  multiplex_chat: { routes: { one: "r" }, initial_route: "one" },
  development: { repo_url: "u" },
  manifest: {},
};

describe("what cannot run yet is refused by its name", () => {
  it.each(Object.entries(processes))("a process %s", async (type, fields) => {
    const target = { type: "process", name: "p", team: { r: "x" }, process: { type, ...fields } };
    const manifest = lowerManifest(parseManifest(JSON.stringify({ version: 2, defaults: {}, targets: [target] })));
    const [lowered] = manifest.targets;
    if (lowered?.type !== "process") throw new Error("no process");
    const written = writePaper(manifest, lowered);
    await expect(written).rejects.toMatchObject({ code: "unsupported" });
    await expect(written).rejects.toThrow(`a process ${type} cannot run yet; paper_write can`);
  });

  it("another backend, another trainer, data and systems of one's own that need a worker", async () => {
    const { manifest, target } = smallExperiment();
    const run = (change: object) => runTarget(manifest, { ...target, ...change }, { root: "/nowhere" });
    await expect(run({ backend: "torch" })).rejects.toThrow(
      "backend torch needs a worker, and there is none here: --backend jax",
    );
    for (const ref of ["trainer.upcycle", "trainer.upcycle_eval"]) {
      await expect(run({ trainer: { ref, impl: null, config: {} } })).rejects.toThrow(`${ref} cannot run yet`);
    }
    await expect(run({ data: { ref: "d", impl: "js:./d.mjs#D", config: {} } })).rejects.toMatchObject({
      code: "unsupported",
    });
  });
});
