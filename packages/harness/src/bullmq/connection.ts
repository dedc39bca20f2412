import type * as Bullmq from "bullmq";
import type * as Ioredis from "ioredis";
import { HarnessError } from "../errors.js";

/** The modules this entry point needs, which are optional peers of this package. */
export interface QueueModules {
  readonly bullmq: typeof Bullmq;
  readonly ioredis: Pick<typeof Ioredis, "Redis">;
}

/** Imports the peers; throws `executor_unavailable` that names what to install. */
export async function queueModules(
  load: {
    readonly bullmq: () => Promise<QueueModules["bullmq"]>;
    readonly ioredis: () => Promise<QueueModules["ioredis"]>;
  } = {
    bullmq: () => import("bullmq"),
    ioredis: () => import("ioredis"),
  },
): Promise<QueueModules> {
  const [bullmq, ioredis] = await Promise.allSettled([load.bullmq(), load.ioredis()]);
  if (bullmq.status === "fulfilled" && ioredis.status === "fulfilled") {
    return { bullmq: bullmq.value, ioredis: ioredis.value };
  }
  const missing = [
    ...(bullmq.status === "rejected" ? ["bullmq"] : []),
    ...(ioredis.status === "rejected" ? ["ioredis"] : []),
  ];
  throw new HarnessError(
    "executor_unavailable",
    `the bullmq executor needs ${missing.join(" and ")}, found none: npm install ${missing.join(" ")}`,
    {
      cause: bullmq.status === "rejected" ? bullmq.reason : ioredis.status === "rejected" ? ioredis.reason : undefined,
    },
  );
}

/** A connection to Redis that is there, and goes on being tried when Redis goes away later. */
export interface RedisConnection {
  readonly client: Ioredis.Redis;
  /** Whether Redis answers at present. */
  isReady(): boolean;
  /** How often it was established: another number than before means that Redis was away, and may have lost its data. */
  times(): number;
  close(): void;
}

const connect_limit_ms = 10_000;
const longest_retry_ms = 2_000;

/**
 * Connects to `redis://[[user]:password@]host[:port][/database]`, `rediss://` or `unix:///path`. Throws
 * `invalid_argument` for another kind of address and `executor_unavailable` where nothing answers: only a connection
 * that once worked is tried again.
 */
export async function connectRedis(url: string, { ioredis }: QueueModules): Promise<RedisConnection> {
  let connected = false;
  const shown = checkedAddress(url);
  const target = url.startsWith("unix://") ? decodeURIComponent(new URL(url).pathname) : url;
  const client = new ioredis.Redis(target, {
    lazyConnect: true,
    connectTimeout: connect_limit_ms,
    // As BullMQ demands: its commands wait for Redis to come back instead of failing.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (connected ? Math.min(times * 100, longest_retry_ms) : null),
  });
  const errors: unknown[] = [];
  let times = 0;
  client.on("ready", () => (times += 1));
  client.on("error", (error) => {
    errors.splice(0, 1, error);
  });
  try {
    await client.connect();
    await client.ping();
    connected = true;
  } catch (error) {
    client.disconnect();
    const why = textOf(errors[0] ?? error);
    throw new HarnessError("executor_unavailable", `expected a Redis at ${shown}, found none: ${why}`, {
      cause: error,
    });
  }
  return { client, isReady: () => client.status === "ready", times: () => times, close: () => client.disconnect() };
}

/** The address without its password; throws where it is none. */
export function checkedAddress(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !["redis:", "rediss:", "unix:"].includes(parsed.protocol)) {
    throw new HarnessError(
      "invalid_argument",
      `expected an address of Redis such as redis://127.0.0.1:6379, found ${JSON.stringify(withoutPassword(url))}`,
    );
  }
  return withoutPassword(url);
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//...@");
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === "" && "code" in error ? String(error.code) : error.message;
}
