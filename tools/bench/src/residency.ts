import { createHash, randomBytes } from "node:crypto";
import { testVramManager } from "@vrx/vram-residency/testing";
import type { Row } from "./row.js";

const MIB = 2 ** 20;
const BYTES = 64 * MIB;
const SIGNATURES = 5_000;

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
    const started = performance.now();
    for (let i = 0; i < SIGNATURES; i++) await manager.requireSealed(shard, { tier: "signature" });
    const signature_us = ((performance.now() - started) / SIGNATURES) * 1000;
    const baseline = { name: "SHA-256, one thread", value: flat };
    return [
      { name: "verify, signature only", value: signature_us, unit: "us", aim: 20 },
      { name: "verify, tree, fake driver", value: tree, unit: "MiB/s", baseline, ratio: tree / flat },
      { name: "verify, read back, fake driver", value: readBack, unit: "MiB/s", baseline, ratio: readBack / flat },
    ];
  } finally {
    await manager.dispose();
    driver.dispose();
  }
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
