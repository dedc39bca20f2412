import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { hashViewTree, hostTreeMethods, openTreeHasher } from "@vrx/native-cuda";
import { fakeDriver, fakeDriverLibrary } from "@vrx/native-cuda/testing";
import type { Row } from "./row.js";

const rounds = 5;
const hostBytes = 256 * 2 ** 20;
const simulatedBytes = 8 * 2 ** 20;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function rateOf(bytes: number, work: () => unknown): Promise<number> {
  const begin = performance.now();
  await work();
  return bytes / (performance.now() - begin) / 1e6;
}

/**
 * The tree hash beside one SHA-256 of the same bytes on one thread. Rounds alternate between both, and every figure is the
 * median over the rounds.
 */
export async function run(): Promise<Row[]> {
  return [...(await onTheHost()), ...(await onTheFakeDriver())];
}

async function onTheHost(): Promise<Row[]> {
  const threads = availableParallelism();
  const data = new Uint8Array(hostBytes).fill(0x5a);
  const [tree, one, flat]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round += 1) {
    tree.push(await rateOf(hostBytes, () => hashViewTree(data)));
    one.push(await rateOf(hostBytes, () => hashViewTree(data, { threads: 1 })));
    flat.push(await rateOf(hostBytes, () => createHash("sha256").update(data).digest()));
  }
  const single = median(flat);
  const baseline = { name: "SHA-256 of node:crypto, one thread", value: single };
  const how = hostTreeMethods()[0] ?? "javascript";
  return [
    {
      name: `tree hash on the host, ${threads} threads, ${how}`,
      value: median(tree),
      unit: "GB/s",
      baseline,
      ratio: median(tree) / single,
      aim: 0.9 * threads * single,
    },
    {
      name: `tree hash on the host, one thread, ${how}`,
      value: median(one),
      unit: "GB/s",
      baseline,
      ratio: median(one) / single,
      aim: 0.9 * single,
    },
  ];
}

async function onTheFakeDriver(): Promise<Row[]> {
  if (fakeDriverLibrary().status === "unavailable") return [];
  const fake = fakeDriver();
  const [device] = (await fake.open()).devices;
  if (device === undefined) return [];
  const context = await device.openContext();
  const hasher = await openTreeHasher(context);
  const buffer = context.alloc(simulatedBytes);
  const data = new Uint8Array(simulatedBytes).fill(0x5a);
  try {
    await buffer.copyFrom(data);
    const [tree, flat]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      tree.push(await rateOf(simulatedBytes, () => hasher.hash(buffer)));
      flat.push(await rateOf(simulatedBytes, () => createHash("sha256").update(data).digest()));
    }
    return [
      {
        name: "tree hash of the GPU's kernel on the fake driver",
        value: median(tree),
        unit: "GB/s",
        baseline: { name: "SHA-256 of node:crypto, one thread", value: median(flat) },
        ratio: median(tree) / median(flat),
      },
    ];
  } finally {
    for (const each of [buffer, hasher, context, fake]) each.dispose();
  }
}
