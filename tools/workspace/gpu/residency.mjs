// Model bytes sealed in VRAM: corrupted for real, attested, and what it costs to be sure of them.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { clearTimeout, setTimeout } from "node:timers";
import { offerBuffer, openTreeHasher } from "@vrx/native-cuda";
import { createVramManager, workerTokenKeys, workerTokenVerificationKey } from "@vrx/vram-residency";
import { verifyAttestation } from "@vrx/vram-residency/verify";

const MIB = 2 ** 20;
const nonce = "5a".repeat(32);

/** Gives `use` a manager of the host's device, which ends with it. */
async function managed({ device, driver, simulated }, use) {
  const manager = await createVramManager({
    device: device.uuid,
    keys: workerTokenKeys("a worker's token"),
    ...(simulated ? { driver: { library: driver.file } } : {}),
  });
  try {
    return await use(manager);
  } finally {
    await manager.dispose();
  }
}

/** Bytes that are cheap to make and nowhere the same. */
function noise(bytes, seed) {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) words[i] = state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return new Uint8Array(words.buffer, 0, bytes);
}

/** The same `bytes` bytes over and over as a stream, so that a model may be larger than the host's memory. */
async function* repeated(piece, bytes) {
  for (let at = 0; at < bytes; at += piece.length) yield piece.subarray(0, Math.min(piece.length, bytes - at));
}

/** Weights that another owner holds on the device, adopted; whoever holds them can write to them. */
async function adopted(host, manager, bytes, use) {
  const folder = mkdtempSync(join(tmpdir(), "vrx-gpu-"));
  const context = await host.device.openContext();
  const buffer = context.alloc(bytes, { shareable: true });
  const hasher = await openTreeHasher(context);
  let offer;
  try {
    await buffer.copyFrom(noise(bytes, 17));
    const half = Math.floor(bytes / 8192) * 4096;
    const ranges = [
      { name: "first", offset: 0, bytes: half },
      { name: "second", offset: half, bytes: bytes - half },
    ];
    const trees = await hasher.hashRanges(buffer, ranges);
    const path = join(folder, "offer.sock");
    offer = offerBuffer(buffer, path);
    const tensors = ranges.map((range, i) => ({ ...range, tree_digest: trees[i].digest }));
    const handle = await manager.adopt(path, tensors);
    return await use(handle, buffer, context);
  } finally {
    for (const each of [offer, hasher, buffer, context]) each?.dispose();
    rmSync(folder, { recursive: true });
  }
}

export const checks = {
  "a model is sealed, verified by every tier, and attested": async (host) =>
    await managed(host, async (manager) => {
      const bytes = noise(host.simulated ? 100_003 : 512 * MIB + 3, 5);
      const handle = await manager.sealModel(bytes);
      const { shard } = handle;
      if (shard.digest !== createHash("sha256").update(bytes).digest("hex")) return "another digest";
      for (const tier of ["signature", "leaves", "tree", "read_back"]) {
        const { status, reason } = await manager.verifySealed(shard, { tier });
        if (status !== "verified") return `tier ${tier}: ${reason}`;
      }
      const attestation = await manager.attestVramResidency(shard, { nonce });
      const verdict = await verifyAttestation(attestation, {
        nonce,
        keys: [workerTokenVerificationKey("a worker's token")],
        allowSimulated: host.simulated,
        expected: { digest: shard.digest, gpu_uuid: host.device.uuid },
      });
      return verdict.status === "verified" || `${verdict.reason}: ${verdict.message}`;
    }),

  "one bit that is changed on the device is found by every tier that looks at it, and its tensor is named": async (
    host,
  ) =>
    await managed(host, async (manager) => {
      const bytes = host.simulated ? 200_000 : 256 * MIB;
      return await adopted(host, manager, bytes, async (handle, buffer, context) => {
        const { shard } = handle;
        if ((await manager.verifySealed(shard)).status !== "verified") return "it does not verify as it was adopted";
        const at = bytes - 4097;
        const byte = new Uint8Array(1);
        buffer.copyToSync(byte, { offset: at });
        const flip = async () => {
          byte[0] ^= 8;
          buffer.copyFromSync(byte, { offset: at });
          await context.synchronize();
        };
        await flip();
        for (const tier of ["tree", "read_back", "leaves"]) {
          const { status, reason } = await manager.verifySealed(shard, { tier, leaves: Math.ceil(bytes / 4096) });
          if (reason !== "digest_mismatch") return `tier ${tier} says ${reason ?? status}`;
        }
        const tensors = await manager.verifyTensors(shard);
        if (String(tensors) !== "second") return `expected the second tensor, found ${tensors}`;
        const refused = await manager.attestVramResidency(shard, { nonce }).then(
          () => "it was attested all the same",
          ({ code }) => code,
        );
        if (refused !== "seal_verification_failed") return refused;
        await flip();
        return (await manager.verifySealed(shard)).status === "verified" || "it does not verify when it is as before";
      });
    }),

  "a sweep in the background finds a changed bit": async (host) =>
    await managed(host, async (manager) => {
      return await adopted(host, manager, host.simulated ? 200_000 : 256 * MIB, async (handle, buffer) => {
        const found = new Promise((resolve) => {
          manager.startSweep({ every_s: 0.01, share: 1, onFailure: ({ shard_id }) => resolve(shard_id) });
        });
        buffer.fill(0xee, { offset: 4096, bytes: 16 });
        // The sweep keeps no process alive by itself.
        let timer;
        const late = new Promise((resolve) => (timer = setTimeout(() => resolve("nothing in 60 s"), 60_000)));
        const shard_id = await Promise.race([found, late]);
        clearTimeout(timer);
        return shard_id === handle.shard.shard_id || `found ${shard_id}`;
      });
    }),

  "the policy is violated by nothing here, and what it cannot show is listed": async (host) =>
    await managed(host, async (manager) => {
      const handle = await manager.sealModel(noise(10_000, 3));
      const { proven, violated, notProvable } = manager.policyReport();
      const names = (list) => list.map(({ check, why }) => `${check} (${why})`).join(", ");
      if (violated.length > 0) return names(violated);
      if (notProvable.length > 0) console.log(`  not provable here: ${names(notProvable)}`);
      return (proven.length > 5 && handle.shard.vram_bytes === 10_000) || `proven: ${names(proven)}`;
    }),
};

const seconds = async (action) => {
  const begin = performance.now();
  await action();
  return (performance.now() - begin) / 1000;
};
const least = async (rounds, action) => {
  const times = [];
  for (let i = 0; i < rounds; i++) times.push(await seconds(action));
  return Math.min(...times);
};

export async function* figures(host) {
  yield* await managed(host, (manager) => verificationFigures(host, manager));
  yield* await copyFigures(host);
  yield* await managed(host, (manager) => parallelFigures(host, manager));
  yield* await managed(host, (manager) => sweepFigures(host, manager));
}

/** A shard of 8 GB: hashed where it is, against copied back and hashed on the host. */
async function verificationFigures({ simulated }, manager) {
  const bytes = simulated ? MIB : Math.min(8e9, Math.floor(manager.availableVram() / 2));
  const piece = noise(simulated ? MIB : 64 * MIB, 23);
  const rounds = simulated ? 1 : 5;
  let handle;
  const seal_s = await seconds(async () => {
    handle = await manager.sealModel(repeated(piece, bytes), { bytes });
  });
  const { shard } = handle;
  const tree_s = await least(rounds, () => manager.requireSealed(shard));
  const back_s = await seconds(() => manager.requireSealed(shard, { tier: "read_back" }));
  const signature_s = await least(rounds, async () => {
    for (let i = 0; i < 1000; i++) await manager.requireSealed(shard, { tier: "signature" });
  });
  const leaves_s = await least(rounds, () => manager.requireSealed(shard, { tier: "leaves", leaves: 1000 }));
  handle.dispose();
  return [
    { name: `verification of ${bytes} bytes, tree`, value: bytes / tree_s / 1e9, unit: "GB/s", aim: 300 },
    { name: "verification, read back", value: bytes / back_s / 1e9, unit: "GB/s" },
    { name: "tree against copying back and hashing", value: back_s / tree_s, unit: "times faster", aim: 100 },
    { name: "verification, signature only", value: signature_s * 1000, unit: "us", aim: 20 },
    { name: "verification, 1000 leaves", value: leaves_s * 1e6, unit: "us" },
    { name: "sealing a stream, the host's flat SHA-256 with it", value: bytes / seal_s / 1e9, unit: "GB/s" },
  ];
}

/** Copy and tree digest of a file, against the smaller of what the bus and the disk do here. */
async function copyFigures({ device, simulated }) {
  const bytes = simulated ? MIB : 4 * 2 ** 30;
  const folder = mkdtempSync(join(tmpdir(), "vrx-gpu-"));
  const file = join(folder, "model");
  const context = await device.openContext();
  const hasher = await openTreeHasher(context);
  const buffer = context.alloc(bytes);
  const pinned = context.allocHost(Math.min(bytes, 256 * MIB));
  try {
    const piece = noise(Math.min(bytes, 64 * MIB), 29);
    const handle = await open(file, "w");
    for (let at = 0; at < bytes; at += piece.length) await handle.write(piece, 0, Math.min(piece.length, bytes - at));
    await handle.close();
    const disk_s = await least(2, async () => {
      const reading = await open(file, "r");
      const target = Buffer.allocUnsafe(piece.length);
      for (let at = 0; at < bytes; at += target.length) await reading.read(target, 0, target.length, at);
      await reading.close();
    });
    const bus_s = await least(3, async () => {
      for (let at = 0; at < bytes; at += pinned.bytes)
        buffer.copyFromHost(pinned, { offset: at, bytes: Math.min(pinned.bytes, bytes - at) });
      await context.synchronize();
    });
    const both_s = await least(2, async () => {
      await buffer.copyFrom(file);
      await hasher.hash(buffer);
    });
    const flat = createHash("sha256");
    const flat_s = await seconds(() => void flat.update(piece));
    const [disk, bus] = [bytes / disk_s / 1e9, bytes / bus_s / 1e9];
    const slower = Math.min(disk, bus);
    return [
      { name: "disk, read (from the page cache where it fits)", value: disk, unit: "GB/s" },
      { name: "host to device, pinned", value: bus, unit: "GB/s" },
      {
        name: "copy of a file and its tree digest",
        value: bytes / both_s / 1e9,
        unit: "GB/s",
        aim: 0.8 * slower,
        of: { name: disk < bus ? "the disk" : "the bus", value: slower },
      },
      { name: "flat SHA-256, one core", value: piece.length / flat_s / 1e9, unit: "GB/s" },
    ];
  } finally {
    for (const each of [pinned, buffer, hasher, context]) each.dispose();
    rmSync(folder, { recursive: true });
  }
}

/** Several shards sealed at once against one after the other. */
async function parallelFigures({ simulated }, manager) {
  const shards = Array.from({ length: 4 }, (_, i) => noise(simulated ? MIB : 256 * MIB, 31 + i));
  const sealAll = async (at_once) => {
    const handles = [];
    const seal = async (bytes) => handles.push(await manager.sealModel(bytes));
    const time_s = await seconds(async () => {
      if (at_once) await Promise.all(shards.map(seal));
      else for (const bytes of shards) await seal(bytes);
    });
    for (const handle of handles) handle.dispose();
    return time_s;
  };
  const [one_s, all_s] = [await sealAll(false), await sealAll(true)];
  return [{ name: "four shards sealed at once", value: one_s / all_s, unit: "times faster than one by one" }];
}

/** What a kernel that works all the time loses to the background sweep at its default share. */
async function sweepFigures(host, manager) {
  const bytes = host.simulated ? MIB : 4e9;
  const handle = await manager.sealModel(repeated(noise(host.simulated ? MIB : 64 * MIB, 37), bytes), { bytes });
  const context = await host.device.openContext();
  const work = context.alloc(host.simulated ? MIB : 512 * MIB);
  const hasher = await openTreeHasher(context);
  try {
    const busy = async (for_s) => {
      let count = 0;
      const begin = performance.now();
      for (; performance.now() - begin < for_s * 1000; count++) await hasher.hash(work);
      return count / ((performance.now() - begin) / 1000);
    };
    const for_s = host.simulated ? 0.1 : 10;
    await busy(for_s / 10);
    // Alone, with the sweep, and alone again: clocks drift.
    const before = await busy(for_s);
    const sweep = manager.startSweep({ every_s: 0 });
    const during = await busy(for_s);
    sweep[Symbol.dispose]();
    const alone = (before + (await busy(for_s))) / 2;
    const lost = 100 * (1 - during / alone);
    return [
      {
        name: `a co-running kernel loses to the sweep of ${handle.shard.vram_bytes} bytes`,
        value: lost,
        unit: "%",
        aim: 2,
      },
    ];
  } finally {
    for (const each of [hasher, work, context]) each.dispose();
  }
}
