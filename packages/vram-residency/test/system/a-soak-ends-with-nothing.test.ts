import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openAuditLog, verifyAuditLog } from "../../src/audit-log.js";
import { isVramResidencyError } from "../../src/errors.js";
import { testVramManager } from "../../src/testing/index.js";
import { bundleOfThisRun, withTimeline } from "../proof/allocation-timeline.js";
import { temporaryFolder } from "../temporary-folder.js";

const ROUNDS = 10_000;
/** Calls of the driver that a round meets, and what they then give. */
const FAULTS = [
  { call: "cuMemAlloc", result: 2 },
  { call: "cuMemcpyHtoDAsync", result: 1 },
  { call: "cuLaunchKernel", result: 701 },
  { call: "cuMemcpyDtoH", result: 1 },
  { call: "cuEventCreate", result: 2 },
] as const;

/** A small generator (mulberry32), so that a soak can be repeated from its seed. */
function generator(seed: number) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

it(`${ROUNDS} rounds of sealing, verifying and disposing with random faults end with no byte in use and an intact audit`, async () => {
  const seed = randomBytes(4).readInt32LE();
  console.log(`seed=${seed}`);
  const random = generator(seed);
  const file = join(temporaryFolder(), "audit.ndjson");
  const audit = openAuditLog({ file, worker_id: "soak" });
  const bundle = bundleOfThisRun("integration");
  bundle?.recordSeed(seed);
  const { manager, driver } = await testVramManager(withTimeline({ audit, capacity_bytes: 2 ** 20 }, bundle));
  const idle = driver.statistics().device_bytes;
  const outcomes = { verified: 0, mismatch: 0, refused: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    if (random() < 0.2)
      driver.fail({ ...FAULTS[Math.floor(random() * FAULTS.length)]!, at: 1 + Math.floor(random() * 3) });
    try {
      const handle = await manager.sealModel(randomBytes(1 + Math.floor(random() * 9000)));
      const flips = random() < 0.1;
      if (flips) driver.flipBit({ allocation: -1, offset: 0, bit: Math.floor(random() * 8) });
      const verification = await manager.verifySealed(handle.shard);
      if (verification.status === "verified") outcomes.verified++;
      else outcomes.mismatch++;
      if (flips) expect(verification.status).toBe("failed");
      handle.dispose();
    } catch (error) {
      if (!isVramResidencyError(error)) throw error;
      outcomes.refused++;
    }
  }
  expect(manager.usedVram()).toBe(0);
  expect(driver.statistics().device_bytes).toBe(idle);
  const { head } = audit;
  await manager.dispose();
  expect(driver.statistics().device_bytes).toBe(0);
  driver.dispose();
  expect(outcomes.verified).toBeGreaterThan(ROUNDS / 2);
  expect(outcomes.mismatch).toBeGreaterThan(0);
  expect(outcomes.refused).toBeGreaterThan(0);
  expect(head.seq).toBeGreaterThan(ROUNDS);
  expect(verifyAuditLog(file)).toMatchObject({ status: "intact", head: { seq: head.seq + 1 } });
  // What does not come here leaves a bundle without a manifest, which proves nothing.
  bundle?.writeJson("outcomes", { rounds: ROUNDS, ...outcomes, audit_lines: head.seq + 1 });
  bundle?.recordTest({ name: "soak", status: "passed", duration_ms: null });
  bundle?.finish();
}, 600_000);
