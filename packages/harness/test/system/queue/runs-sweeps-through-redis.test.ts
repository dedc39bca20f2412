import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bullmqExecutor } from "../../../src/bullmq/bullmq-executor.js";
import type { TrialEvent } from "../../../src/executors/executor.js";
import { fileStore } from "../../file-store.js";

const missing = spawnSync("redis-server", ["--version"]).status !== 0;
if (missing) console.log("skipped: the queue on a real Redis: redis-server is not installed");

describe.skipIf(missing)("the bullmq executor on a real Redis", () => {
  // Below the package, so that the queue's client is found from there.
  const program = fileURLToPath(new URL(`../../../node_modules/.vrx-test-worker-${process.pid}.mjs`, import.meta.url));
  let folder: string;
  let url: string;
  let redis: ChildProcess;
  let workers: ChildProcess[] = [];

  beforeAll(async () => {
    const entry = join(dirname(fileURLToPath(import.meta.url)), "worker-program.ts");
    await build({
      entryPoints: [entry],
      outfile: program,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      external: ["bullmq", "ioredis"],
      tsconfig: fileURLToPath(new URL("../../../../../tsconfig.source.json", import.meta.url)),
      logLevel: "silent",
    });
  });
  afterAll(() => rmSync(program, { force: true }));
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "vrx-redis-"));
    url = `unix://${folder}/redis.sock`;
    redis = await startRedis(folder);
  });
  afterEach(() => {
    for (const child of [...workers.splice(0), redis]) child.kill("SIGKILL");
    workers = [];
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const startWorkers = (count: number, ...args: readonly string[]): void => {
    for (let i = 0; i < count; i++) {
      workers.push(spawn(process.execPath, [program, url, ...args], { stdio: ["ignore", "ignore", "inherit"] }));
    }
  };
  const log = (word: string): readonly string[][] =>
    (existsSync(join(folder, "store.log")) ? readFileSync(join(folder, "store.log"), "utf8") : "")
      .split("\n")
      .map((line) => line.split(" "))
      .filter(([first]) => first === word);

  async function collect(
    digests: readonly string[],
    onEvent: (event: TrialEvent) => unknown = () => undefined,
    signal = new AbortController().signal,
    notes: string[] = [],
  ): Promise<readonly TrialEvent[]> {
    const executor = bullmqExecutor({
      connection: url,
      queue: "vrx-test",
      poll_s: 0.2,
      onNote: (text) => notes.push(text),
    });
    const events: TrialEvent[] = [];
    const limits = { time_s: null, memory_bytes: null };
    for await (const event of executor.run(digests, { store: fileStore(folder), limits, signal })) {
      events.push(event);
      await onEvent(event);
    }
    return events;
  }

  test("two workers share a sweep, and every trial is published once", async () => {
    const digests = digestsOf(12);
    // Long enough that the second worker finds some left, also where it starts late.
    startWorkers(2, "0.5");
    const events = await collect(digests);
    expect(ends(events)).toEqual(new Map(digests.map((digest) => [digest, "finished"])));
    expect(
      log("published")
        .map(([, digest]) => digest)
        .toSorted(),
    ).toEqual(digests.toSorted());
    expect(new Set(log("published").map(([, , pid]) => pid)).size).toBe(2);
    const again = await collect(digests);
    expect(again.every((event) => event.event === "finished" && event.reused)).toBe(true);
  });

  test("a worker that hangs past its lock and goes on late cannot publish", async () => {
    const [digest = ""] = digestsOf(1);
    startWorkers(1, "4", "deaf");
    const events = await collect([digest], async (event) => {
      if (event.event !== "started") return;
      // The queue says that it is started when a worker has it, which then asks the store.
      for (let tries = 0; tries < 600 && log("begun").length === 0; tries++) await delay(50);
      workers[0]?.kill("SIGSTOP");
      startWorkers(1, "0.5");
      await delay(1);
    });
    expect(ends(events)).toEqual(new Map([[digest, "finished"]]));
    workers[0]?.kill("SIGCONT");
    for (let tries = 0; tries < 300 && log("superseded").length === 0; tries++) await delay(100);
    expect(log("published").map(([, , pid]) => pid)).toEqual([String(workers[1]?.pid)]);
    expect(log("superseded").map(([, , pid]) => pid)).toEqual([String(workers[0]?.pid)]);
  });

  test("a Redis that is killed and comes back without its data costs nothing but time", async () => {
    const digests = digestsOf(6);
    startWorkers(2, "0.5");
    const notes: string[] = [];
    let restarted: Promise<unknown> | undefined;
    const events = await collect(
      digests,
      (event) => {
        if (event.event !== "finished" || restarted !== undefined) return;
        redis.kill("SIGKILL");
        restarted = delay(1_500).then(async () => (redis = await startRedis(folder)));
      },
      undefined,
      notes,
    );
    await restarted;
    expect(ends(events)).toEqual(new Map(digests.map((digest) => [digest, "finished"])));
    expect(
      log("published")
        .map(([, digest]) => digest)
        .toSorted(),
    ).toEqual(digests.toSorted());
    expect(notes.join("\n")).toContain("answers again");
  });

  test("an aborted run takes back what waits and stops what runs", async () => {
    const digests = digestsOf(4);
    startWorkers(1, "60");
    const controller = new AbortController();
    const events = await collect(
      digests,
      (event) => event.event === "started" && controller.abort(),
      controller.signal,
    );
    expect([...ends(events).values()]).toEqual(Array(4).fill("cancelled"));
    expect(log("abandoned")).toHaveLength(1);
  });

  test("a Redis that is not there is said at once", async () => {
    redis.kill("SIGKILL");
    rmSync(join(folder, "redis.sock"), { force: true });
    await expect(collect(digestsOf(1))).rejects.toMatchObject({ code: "executor_unavailable" });
  });
});

async function startRedis(folder: string): Promise<ChildProcess> {
  const socket = join(folder, "redis.sock");
  const settings = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder];
  const child = spawn("redis-server", settings, { stdio: "ignore" });
  for (let tries = 0; tries < 600; tries++) {
    await delay(50);
    try {
      if (execFileSync("redis-cli", ["-s", socket, "ping"], { encoding: "utf8", stdio: "pipe" }).trim() === "PONG")
        return child;
    } catch {
      // Not listening yet.
    }
  }
  throw new Error("redis-server does not answer");
}

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
