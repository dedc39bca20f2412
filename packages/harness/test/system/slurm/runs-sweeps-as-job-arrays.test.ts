import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TrialEvent } from "../../../src/executors/executor.js";
import { slurmExecutor } from "../../../src/executors/slurm/slurm-executor.js";
import type { SlurmOptions } from "../../../src/executors/slurm/slurm-options.js";
import { fileStore } from "../../file-store.js";
import { type Cluster, startCluster, whyNoCluster } from "./cluster.js";

const why = whyNoCluster();
if (why !== null) console.log(`skipped: the Slurm executor on a real Slurm: ${why}`);

/*
 * Stands for the program of a task: the executor's part ends where a task starts. It publishes what it saw, and does
 * what the file `behave` says for its digest.
 */
const program = `
const { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const argument = (name) => process.argv[process.argv.indexOf(name) + 1];
const store = argument("--store");
const digest = readFileSync(argument("--list"), "utf8").split("\\n")[Number(process.env.SLURM_ARRAY_TASK_ID)];
const behaviour = existsSync(store + "/behave.json") ? JSON.parse(readFileSync(store + "/behave.json", "utf8")) : {};
const { seconds = 0.2, exit, times = 1, stays = 0 } = { ...behaviour["*"], ...behaviour[digest] };
appendFileSync(store + "/started.log", digest + " " + process.env.CUDA_VISIBLE_DEVICES + " " + (process.env.VRX_LEFTOVER ?? "") + "\\n");
const starts = readFileSync(store + "/started.log", "utf8").split("\\n").filter((line) => line.startsWith(digest)).length;
setTimeout(() => {
  if (exit !== undefined && starts <= times) {
    console.log("giving up as told");
    if (typeof exit === "string") process.kill(process.pid, exit);
    else process.exit(exit);
  }
  mkdirSync(store + "/results", { recursive: true });
  appendFileSync(store + "/published.log", digest + "\\n");
  writeFileSync(store + "/results/" + digest + ".tmp", JSON.stringify({ digest, status: "passed", gpu: process.env.CUDA_VISIBLE_DEVICES }));
  renameSync(store + "/results/" + digest + ".tmp", store + "/results/" + digest + ".json");
  setTimeout(() => {}, stays * 1000);
}, seconds * 1000);
`;

describe.skipIf(why !== null)("the slurm executor on a real Slurm", () => {
  let cluster: Cluster;
  let folder: string;
  let bundle: string;
  const before = process.env["SLURM_CONF"];

  // A cluster each: a controller that was killed may take tasks of an earlier test for running, which nobody waits for.
  beforeEach(async () => {
    cluster = await startCluster();
    process.env["SLURM_CONF"] = cluster.conf;
    bundle = join(cluster.folder, "it's a bundle");
    mkdirSync(join(bundle, "bin"), { recursive: true });
    mkdirSync(join(bundle, "lib/node_modules/@vrx/harness/dist"), { recursive: true });
    symlinkSync(process.execPath, join(bundle, "bin/node"));
    writeFileSync(join(bundle, "lib/node_modules/@vrx/harness/package.json"), "{}");
    writeFileSync(join(bundle, "lib/node_modules/@vrx/harness/dist/slurm-task-program.js"), program);
    folder = mkdtempSync(join(tmpdir(), "vrx store $HOME 'x' "));
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") console.log(cluster.describe());
    await cluster.stop();
    if (before === undefined) delete process.env["SLURM_CONF"];
    else process.env["SLURM_CONF"] = before;
    rmSync(folder, { recursive: true, force: true });
  });

  const behave = (how: Readonly<Record<string, unknown>>): void =>
    writeFileSync(join(folder, "behave.json"), JSON.stringify(how));
  const lines = (file: string): readonly string[] =>
    readFileSync(join(folder, file), "utf8")
      .split("\n")
      .filter((line) => line !== "");

  async function collect(
    digests: readonly string[],
    options: SlurmOptions = {},
    {
      signal = new AbortController().signal,
      onEvent = () => undefined,
      notes = [],
    }: {
      signal?: AbortSignal;
      onEvent?: (event: TrialEvent, events: readonly TrialEvent[]) => unknown;
      notes?: string[];
    } = {},
  ): Promise<readonly TrialEvent[]> {
    const executor = slurmExecutor(
      { bundle, gres: "gpu:1", poll_s: 0.3, settle_s: 1, ...options },
      { onNote: (text) => notes.push(text) },
    );
    const events: TrialEvent[] = [];
    const limits = { time_s: null, memory_bytes: null };
    for await (const event of executor.run(digests, { store: fileStore(folder), limits, signal })) {
      events.push(event);
      await onEvent(event, events);
    }
    return events;
  }

  test("runs a sweep in arrays no longer than MaxArraySize, each trial on one of the devices", async () => {
    const digests = digestsOf(12);
    process.env["VRX_LEFTOVER"] = "x";
    const events = await collect(digests).finally(() => delete process.env["VRX_LEFTOVER"]);
    expect(ends(events)).toEqual(new Map(digests.map((digest) => [digest, "finished"])));
    expect(lines("published.log").toSorted()).toEqual(digests.toSorted());
    const starts = lines("started.log").map((line) => line.split(" "));
    expect(new Set(starts.map(([, gpu]) => gpu))).toEqual(new Set(["0", "1"]));
    expect(new Set(starts.map(([, , leftover]) => leftover))).toEqual(new Set([""]));
    const sizes = readdirSync(join(folder, "slurm")).map((name) => lines(`slurm/${name}/digests.txt`).length);
    expect(sizes.toSorted()).toEqual([2, 5, 5]);
    expect(events.filter(({ event }) => event === "submitted")).toHaveLength(12);
  });

  test("never has more trials at a time than the throttle, over all arrays", async () => {
    behave({ "*": { seconds: 0.5 } });
    let running = 0;
    let most = 0;
    const done = new AbortController();
    const watch = (async () => {
      while (!done.signal.aborted) {
        running = cluster.ask("squeue", "-h", "-r", "-t", "running").split("\n").length - 1;
        most = Math.max(most, running);
        await delay(100);
      }
    })();
    const events = await collect(digestsOf(7), { throttle: 1 });
    done.abort();
    await watch;
    expect([...ends(events).values()]).toEqual(Array(7).fill("finished"));
    expect(most).toBe(1);
  });

  test(
    "a controller that is killed in the middle of a sweep costs nothing but time",
    { timeout: 240_000 },
    async () => {
      const digests = digestsOf(12);
      behave({ "*": { seconds: 0.6 } });
      const notes: string[] = [];
      let restarted: Promise<void> | undefined;
      const events = await collect(
        digests,
        {},
        {
          notes,
          onEvent(event) {
            if (event.event !== "finished" || restarted !== undefined) return;
            cluster.killController();
            restarted = delay(4_000).then(() => cluster.startController());
          },
        },
      );
      await restarted;
      expect(events.filter(({ event }) => event === "lost")).toEqual([]);
      expect(ends(events)).toEqual(new Map(digests.map((digest) => [digest, "finished"])));
      // Slurm itself starts a task again that ended while nobody listened: that a result is published once is the store's doing.
      expect(new Set(lines("published.log"))).toEqual(new Set(digests));
      expect(notes.join("\n")).toContain("does not answer");
      expect(notes.join("\n")).toContain("answers again");
    },
  );

  test("a task that Slurm takes for running after its result is there frees its device", async () => {
    const [over = "", ...others] = digestsOf(3);
    behave({ [over]: { stays: 3600 } });
    const notes: string[] = [];
    const events = await collect([over, ...others], {}, { notes });
    expect(ends(events)).toEqual(new Map([over, ...others].map((digest) => [digest, "finished"])));
    expect(notes.join("\n")).toContain("has its result, and Slurm still says RUNNING");
    for (let tries = 0; tries < 300 && cluster.ask("squeue", "-h", "-t", "running").trim() !== ""; tries++) {
      await delay(100);
    }
    expect(cluster.ask("squeue", "-h", "-t", "running").trim()).toBe("");
  });

  test("a run that goes on waits for what an earlier one has queued", async () => {
    const digests = digestsOf(6);
    behave({ "*": { seconds: 1 } });
    for await (const event of slurmExecutor({ bundle, gres: "gpu:1", poll_s: 0.3 }).run(digests, {
      store: fileStore(folder),
      limits: { time_s: null, memory_bytes: null },
      signal: new AbortController().signal,
    })) {
      // As a process that is killed once everything is queued.
      if (event.event === "started") break;
    }
    const arrays = readdirSync(join(folder, "slurm")).length;
    const events = await collect(digests);
    expect(readdirSync(join(folder, "slurm"))).toHaveLength(arrays);
    expect(ends(events)).toEqual(new Map(digests.map((digest) => [digest, "finished"])));
    expect(lines("published.log").toSorted()).toEqual(digests.toSorted());
  });

  test("an aborted run takes out of the queue what it has put in", async () => {
    const digests = digestsOf(6);
    behave({ "*": { seconds: 60 } });
    const controller = new AbortController();
    const events = await collect(
      digests,
      {},
      {
        signal: controller.signal,
        onEvent: (event) => event.event === "started" && controller.abort(),
      },
    );
    expect([...ends(events).values()]).toEqual(Array(6).fill("cancelled"));
    // Of its own: what an earlier test has left behind is not for it to cancel.
    const own = readdirSync(join(folder, "slurm")).join(",");
    expect(cluster.ask("squeue", "-h", "-r", `--name=${own}`).trim()).toBe("");
  });

  test("a trial whose task is requeued runs again; one that was given back or left nothing is submitted again", async () => {
    const [requeued = "", returned = "", failing = "", silent = "", killed = ""] = digestsOf(5);
    // Long enough that the request to requeue finds it running, also on a busy machine.
    behave({
      [requeued]: { seconds: 8 },
      [returned]: { exit: 75 },
      [failing]: { exit: 3, times: 9 },
      // As the controller tells it of a task that it takes for another one.
      [silent]: { exit: 0 },
      [killed]: { exit: "SIGKILL" },
    });
    let asked = false;
    const events = await collect(
      [requeued, returned, failing, silent, killed],
      {},
      {
        onEvent(event) {
          if (asked || event.event !== "started" || event.digest !== requeued) return;
          asked = true;
          // Slurm calls a task running before its program is: ask once the program has said that it started.
          const wait = setInterval(() => {
            if (
              !existsSync(join(folder, "started.log")) ||
              !lines("started.log").some((line) => line.startsWith(requeued))
            )
              return;
            clearInterval(wait);
            cluster.ask("scontrol", "requeue", event.attempt.replace("slurm ", ""));
          }, 50);
        },
      },
    );
    expect(ends(events)).toEqual(
      new Map([
        [requeued, "finished"],
        [returned, "finished"],
        [failing, "lost"],
        [silent, "finished"],
        [killed, "finished"],
      ]),
    );
    const starts = lines("started.log").map((line) => line.split(" ")[0]);
    for (const again of [requeued, returned, silent, killed]) {
      expect(starts.filter((digest) => digest === again)).toHaveLength(2);
    }
    expect(starts.filter((digest) => digest === failing)).toHaveLength(1);
    const lost = events.find((event) => event.event === "lost");
    expect(lost).toMatchObject({
      why: expect.stringMatching(/exit code 3; its last line: giving up as told/) as string,
    });
  });

  test("a node that fails its preflight gets no trial any more", async () => {
    const [unfit = ""] = digestsOf(1);
    // There is one node only: without it, Slurm takes nothing.
    behave({ [unfit]: { exit: 69, times: 9 } });
    const executor = slurmExecutor({ bundle, gres: "gpu:1", poll_s: 0.3, settle_s: 1 });
    const context = { store: fileStore(folder), limits: { time_s: null, memory_bytes: null }, preflight: true };
    const events: TrialEvent[] = [];
    for await (const event of executor.run([unfit], { ...context, signal: new AbortController().signal })) {
      events.push(event);
    }
    expect(events.at(-1)).toMatchObject({
      event: "lost",
      cause: "unfit_host",
      why: expect.stringMatching(/without \S+, which failed the preflight/) as string,
    });
    expect(lines("started.log")).toHaveLength(1);
  });

  test("what Slurm refuses is said in its words", async () => {
    await expect(collect(digestsOf(1), { partition: "nowhere" })).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("Invalid partition name") as string,
    });
  });
});

function digestsOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => createHash("sha256").update(`${i} ${Math.random()}`).digest("hex"));
}

function ends(events: readonly TrialEvent[]): ReadonlyMap<string, string> {
  return new Map(
    events
      .filter(({ event }) => event !== "submitted" && event !== "started")
      .map(({ digest, event }) => [digest, event]),
  );
}
