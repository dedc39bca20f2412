import { createHash } from "node:crypto";
import { type FakeDriver, type FakeDriverOptions, fakeDriver } from "@vrx/native-cuda/testing";
import type { VramManagerOptions } from "../manager-options.js";
import { SealedShard, type SealedShardFields } from "../verify/index.js";
import { type VramManager, createVramManager } from "../vram-manager.js";

/** A manager on a fake driver of its own, and that driver, to break. */
export interface TestManager extends AsyncDisposable {
  readonly manager: VramManager;
  readonly driver: FakeDriver;
}

/**
 * A manager without a GPU, on a fake driver that nobody else uses. What is sealed in it is marked as simulated. Throws
 * `not_supported` where the fake driver is not there.
 */
export async function testVramManager(
  options: Omit<VramManagerOptions, "driver"> = {},
  fake: FakeDriverOptions = {},
): Promise<TestManager> {
  const driver = fakeDriver(fake);
  try {
    await driver.open();
    const manager = await createVramManager({ ...options, driver: { library: driver.library } });
    return {
      manager,
      driver,
      async [Symbol.asyncDispose]() {
        await manager.dispose();
        driver.dispose();
      },
    };
  } catch (error) {
    driver.dispose();
    throw error;
  }
}

/** A descriptor as a manager gives them, of bytes that are nowhere. */
export function testShard(gpu_device: number, fields: Partial<SealedShardFields> = {}): SealedShard {
  const digest = createHash("sha256").update("test").digest("hex");
  return new SealedShard({
    shard_id: "shard-test",
    gpu_device,
    vram_bytes: 4,
    digest,
    sealed_at: null,
    shard_index: null,
    total_shards: null,
    ...fields,
  });
}
