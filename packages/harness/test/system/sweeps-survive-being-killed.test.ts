import { spawn } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AntRatioPacket } from "@vrx/ant-ratio";
import type { WorkloadSpec } from "@vrx/workload-schema";
import { describe, expect, it } from "vitest";
import { cpuDevice, defineWorkload, openStore, probe } from "../../src/index.js";
import { temporaryFolder } from "../temporary-folder.js";

const runner = fileURLToPath(new URL("kill-runner.mjs", import.meta.url));

/** Runs the sweep and kills it after a while; null: not at all. Gives what it printed, empty when it was killed. */
function runFor(dir: string, artifacts: string, kill_ms: number | null): Promise<string> {
  return new Promise((settle) => {
    const child = spawn(process.execPath, [runner, dir, artifacts], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const timer = kill_ms === null ? undefined : setTimeout(() => child.kill("SIGKILL"), kill_ms);
    child.on("close", () => {
      clearTimeout(timer);
      settle(text);
    });
  });
}

/** How often each trial was published, by all journals. */
function published(dir: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of readdirSync(join(dir, "journal"))) {
    for (const line of readFileSync(join(dir, "journal", name), "utf8").split("\n")) {
      const digest = /"event":"published","digest":"([0-9a-f]{64})"/.exec(line)?.[1];
      if (digest !== undefined) counts.set(digest, (counts.get(digest) ?? 0) + 1);
    }
  }
  return counts;
}

interface Finished {
  readonly events: readonly string[];
  readonly packets: readonly AntRatioPacket[];
}

/** Packets without the time at which their results were made. */
function timeless(packets: readonly AntRatioPacket[]): readonly Omit<AntRatioPacket, "generated_utc">[] {
  return packets.map((packet) => ({ ...packet, generated_utc: "" }));
}

/** A probe's run directory and a report, which every trial of the sweep leaves. */
async function makeArtifacts(folder: string): Promise<void> {
  const steady = defineWorkload({
    name: "steady",
    describe: () => ({ device: cpuDevice }),
    prepare: () => ({
      facts: () => ({ executed: { precision: "fp64", amp: false } }),
      steps: () => Array.from({ length: 21 }, () => ({ loss: 1, time_s: 1e-6 })),
    }),
  });
  const spec: WorkloadSpec = {
    schema_version: "workload_schema_v1",
    ant_spec: { ring_len: 16, slot_dim: 8, ptr_dtype: "fp64", precision: "fp64" },
    colony_spec: { seq_len: 4, synth_len: 4, batch_size: 2, ptr_update_every: 1, state_loop_samples: 0 },
  };
  await probe(steady, spec, { out: join(folder, "run"), warmup_steps: 1, measure_steps: 20 });
  const report = {
    settings: { eval_disjoint: true, seed: 1 },
    eval: { eval_acc: 0.75, eval_n: 1000 },
    train: { steps: 1, ring_tokens: 8 },
  };
  writeFileSync(join(folder, "report.json"), JSON.stringify(report));
}

/** Sweeps whose runners are killed `kills` times in all, at moments by the seed, each then finished and held to what it must be. */
async function killing(kills: number, seed: number, artifacts: string, calm: Finished): Promise<number> {
  let state = seed;
  const next = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  let killed = 0;
  for (let sweep = 0; killed < kills; sweep++) {
    const dir = temporaryFolder();
    // Two runners at once in every third sweep.
    for (let round = 0; round < 25 && killed < kills; round++) {
      const runs = Array.from({ length: sweep % 3 === 2 ? 2 : 1 }, () => runFor(dir, artifacts, 60 + next() * 350));
      killed += (await Promise.all(runs)).filter((text) => text === "").length;
    }
    const { events, packets } = JSON.parse(await runFor(dir, artifacts, null)) as Finished;
    expect(timeless(packets)).toEqual(timeless(calm.packets));
    // To the byte, whoever joins them.
    const again = JSON.parse(await runFor(dir, artifacts, null)) as Finished;
    expect(JSON.stringify(again.packets)).toBe(JSON.stringify(packets));
    expect(events.filter((event) => event === "known" || event === "finished")).toHaveLength(40);
    const store = await openStore(dir);
    const counts = published(dir);
    for (const times of counts.values()) expect(times).toBeLessThanOrEqual(1);
    let results = 0;
    for (const shard of readdirSync(join(dir, "results"))) {
      for (const digest of readdirSync(join(dir, "results", shard))) {
        expect((await store.result(digest))?.figures).toEqual({ letter: digest[0] });
        results++;
      }
    }
    expect(results).toBe(40);
    expect(readdirSync(join(dir, "damaged"))).toEqual([]);
    await store.close();
  }
  return killed;
}

describe("a sweep", () => {
  it("killed at 200 random moments loses no trial, publishes none twice, and ends with the same packets", async () => {
    const artifacts = temporaryFolder();
    await makeArtifacts(artifacts);
    const calm = JSON.parse(await runFor(temporaryFolder(), artifacts, null)) as Finished;
    expect(calm.packets).toHaveLength(30);
    const seed = Date.now() % 2 ** 31;
    console.log(`seeds of the moments: ${seed} and ${seed + 1}`);
    const killed = await Promise.all([killing(100, seed, artifacts, calm), killing(100, seed + 1, artifacts, calm)]);
    expect(killed[0] + killed[1]).toBeGreaterThanOrEqual(200);
  }, 240_000);
});
