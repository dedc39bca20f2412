import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { startCluster, whyNoCluster } from "../../../../packages/harness/test/system/slurm/cluster.js";
import { testFolder } from "../helpers/folder.js";
import { startVrx } from "../helpers/start-vrx.js";
import { vrx } from "../helpers/vrx.js";

const folder = testFolder();
writeFileSync(
  join(folder, "tiny.yaml"),
  `schema_version: vrx_sweep_v1
name: tiny
base: { ring_len: 8, slot_dim: 8, ptr_dtype: fp64, precision: fp64, seq_len: 6, synth_len: 6, batch_size: 4, ptr_update_every: 1, state_loop_samples: 0 }
axes:
  - grid: { slot_dim: [8, 16, 24, 32] }
seeds: [1]
runner: { engine: reference }
probe: { warmup_steps: 2, measure_steps: 25, memory_budget_bytes: 1000000000 }
capability:
  task: { keys: 3, pairs: 1, values: 2, train_samples: 8, eval_samples: 16 }
  ring_tokens: 240
limits: { time_s: 60 }
order: { shuffle: true, seed: 3 }
idle: { busy_ratio: 1, limit_s: 0 }
`,
);

interface Packet {
  readonly assoc_byte_disjoint_accuracy: number;
  readonly vrx: { readonly assoc_trial_digest: string };
}
const packetsOf = (dir: string): Packet[] =>
  readFileSync(join(folder, dir, "packets.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Packet);

/** What a sweep learns is the same wherever it runs; what it costs is not. */
const learnt = (dir: string): unknown =>
  packetsOf(dir).map(({ assoc_byte_disjoint_accuracy, vrx: facts }) => [
    facts.assoc_trial_digest,
    assoc_byte_disjoint_accuracy,
  ]);

const here = vrx(["sweep", "run", "tiny.yaml", "-o", "here"], { cwd: folder });

describe("a sweep of the ring", () => {
  it("runs on this host", () => {
    expect(here).toMatchObject({ code: 0, stderr: "" });
    expect(packetsOf("here")).toHaveLength(4);
  });

  // Seconds of a quiet machine; a busy one takes longer.
  const patience = { timeout: 240_000 };
  const noSlurm = whyNoCluster();
  if (noSlurm !== null) console.log(`skipped: vrx sweep run on a real Slurm: ${noSlurm}`);
  it.skipIf(noSlurm !== null)(
    "runs as job arrays of Slurm, whose controller is killed in the middle",
    patience,
    async () => {
      const cluster = await startCluster();
      const before = process.env["SLURM_CONF"];
      process.env["SLURM_CONF"] = cluster.conf;
      try {
        writeFileSync(join(folder, "cluster.yaml"), "partition: main\ngres: gpu:1\npoll_s: 0.5\nsettle_s: 5\n");
        const running = startVrx(
          ["sweep", "run", "tiny.yaml", "-o", "slurm", "--executor", "slurm", "--slurm", "cluster.yaml", "--json"],
          folder,
        );
        for (let tries = 0; tries < 300 && !published("slurm"); tries++) await delay(100);
        cluster.killController();
        await delay(3_000);
        await cluster.startController();
        const { code, stdout, stderr } = await running.ended;
        expect(stderr).toContain("answers again");
        expect(code).toBe(0);
        expect(JSON.parse(stdout)).toMatchObject({ known: 0, done: 8, lost: [], packets: 4 });
        expect(learnt("slurm")).toEqual(learnt("here"));

        const survey = ["sweep", "hosts", "tiny.yaml", "-o", "slurm", "--executor", "slurm", "--slurm", "cluster.yaml"];
        const hosts = await startVrx([...survey, "--json"], folder).ended;
        expect(hosts.code).toBe(0);
        expect(JSON.parse(hosts.stdout)).toMatchObject({ hosts: [{ host: expect.any(String) as string }] });
        const away = ["sweep", "run", "tiny.yaml", "-o", "away", "--executor", "slurm", "--exclude-hosts", "all.json"];
        const node = cluster.ask("sinfo", "-h", "-N", "-o", "%N").trim();
        writeFileSync(join(folder, "all.json"), JSON.stringify({ schema_version: "vrx_hosts_v1", exclude: [node] }));
        // There is no other node.
        const refused = await startVrx(away, folder).ended;
        expect(refused).toMatchObject({
          code: 2,
          stderr: expect.stringContaining("Slurm refused the array") as string,
        });
      } finally {
        await cluster.stop();
        if (before === undefined) delete process.env["SLURM_CONF"];
        else process.env["SLURM_CONF"] = before;
      }
    },
  );

  const noRedis = spawnSync("redis-server", ["--version"]).status !== 0;
  if (noRedis) console.log("skipped: vrx worker on a real Redis: redis-server is not installed");
  it.skipIf(noRedis)("is shared by workers on a queue, although one of them is killed", patience, async () => {
    const socket = join(folder, "redis.sock");
    const settings = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder];
    const redis = spawn("redis-server", settings, { stdio: "ignore" });
    try {
      for (let tries = 0; tries < 600; tries++) {
        await delay(50);
        if (spawnSync("redis-cli", ["-s", socket, "ping"]).stdout.toString().trim() === "PONG") break;
      }
      const url = `unix://${socket}`;
      const workers = [0, 1].map(() =>
        startVrx(["worker", "--redis", url, "--queue", "t", "--lost-after", "2"], folder),
      );
      const sweep = startVrx(
        ["sweep", "run", "tiny.yaml", "-o", "queue", "--executor", "bullmq", "--redis", url, "--queue", "t", "--json"],
        folder,
      );
      for (let tries = 0; tries < 300 && !published("queue"); tries++) await delay(100);
      workers[0]!.kill("SIGKILL");
      const { code, stdout } = await sweep.ended;
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ known: 0, done: 8, lost: [], packets: 4 });
      expect(learnt("queue")).toEqual(learnt("here"));
      workers[1]!.kill("SIGTERM");
      expect((await workers[1]!.ended).code).toBe(143);
    } finally {
      redis.kill("SIGKILL");
    }
  });
});

/** Whether anything is published yet. */
function published(dir: string): boolean {
  return spawnSync("grep", ["-rq", "published", join(folder, dir, "store/journal")]).status === 0;
}
