import { createHash, createHmac, randomBytes } from "node:crypto";
import { openDriver } from "@vrx/native-cuda";
import { testVramManager } from "@vrx/vram-residency/testing";
import type { Row } from "./row.js";

const MIB = 2 ** 20;
const BYTES = 64 * MIB;
const SIGNATURES = 2_000;
const ROUNDS = 8;

/** Verification on the fake driver: what it costs beside hashing the same bytes on one thread of this host. */
export async function run(): Promise<readonly Row[]> {
  const { manager, driver } = await testVramManager({}, { devices: [{ memory_bytes: 256 * MIB }] });
  try {
    const bytes = randomBytes(BYTES);
    const { shard } = await manager.sealModel(bytes);
    const flat = await rate(() => void createHash("sha256").update(bytes).digest());
    const tree = await rate(async () => {
      await manager.requireSealed(shard);
    });
    const readBack = await rate(async () => {
      await manager.requireSealed(shard, { tier: "read_back" });
    });
    const signature_us = await leastMicroseconds(async () => await manager.requireSealed(shard, { tier: "signature" }));
    const key = randomBytes(32);
    const message = randomBytes(400);
    const hmac_us = await leastMicroseconds(() => void createHmac("sha256", key).update(message).digest());
    const gpu = await openDriver();
    if (gpu.status !== "ok") {
      console.error(`  skipped: verification on a GPU (npm run test:gpu measures it): ${gpu.message}`);
    }
    const baseline = { name: "SHA-256, one thread", value: flat };
    return [
      {
        name: "verify, signature only",
        value: signature_us,
        unit: "us",
        baseline: { name: "HMAC-SHA256 of 400 bytes alone", value: hmac_us },
        ratio: signature_us / hmac_us,
        aim: 20,
      },
      { name: "verify, tree, fake driver", value: tree, unit: "MiB/s", baseline, ratio: tree / flat },
      { name: "verify, read back, fake driver", value: readBack, unit: "MiB/s", baseline, ratio: readBack / flat },
    ];
  } finally {
    await manager.dispose();
    driver.dispose();
  }
}

/** Of one call, in the round that was disturbed least. */
async function leastMicroseconds(call: () => unknown): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    for (let i = 0; i < SIGNATURES; i++) await call();
    rounds.push(((performance.now() - started) / SIGNATURES) * 1000);
  }
  return Math.min(...rounds);
}

async function rate(hash: () => Promise<void> | void): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const started = performance.now();
    await hash();
    times.push(performance.now() - started);
  }
  return BYTES / MIB / (Math.min(...times) / 1000);
}
