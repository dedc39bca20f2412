// The device: what it says of itself, copies, kernels and their images, the tree hash, and what the card can do.
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import {
  hashViewTree,
  isCudaError,
  kernelFolders,
  loadPackagedKernels,
  measureCeilings,
  nvmlOfDevice,
  openTreeHasher,
  readCeilings,
  readGpu,
  storeCeilings,
  TreeHasher,
} from "@vrx/native-cuda";

const root = new URL("../../../packages/native-cuda/", import.meta.url);
const onHardware = (check) => Object.assign(check, { needs_hardware: true });

/** Gives `use` a context of the device, which ends with it. */
async function within(device, use) {
  const context = await device.openContext();
  try {
    return await use(context);
  } finally {
    context.dispose();
  }
}

function noise(count, seed) {
  const words = new Uint32Array(Math.ceil(count / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) words[i] = state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return new Uint8Array(words.buffer, 0, count);
}

const same = (a, b) => Buffer.compare(a, b) === 0;

export const checks = {
  "the device is the one that nvidia-smi shows": onHardware(({ device, smi }) => {
    const capability = `${device.compute_capability.major}.${device.compute_capability.minor}`;
    const found = [device.uuid, device.name, capability];
    const expected = [smi?.uuid, smi?.name, smi?.compute_capability];
    return String(found) === String(expected) || `expected ${expected.join(", ")}, found ${found.join(", ")}`;
  }),

  "NVML finds it by its UUID, and tells clocks, power and memory": async ({ device }) => {
    const sample = await readGpu(await nvmlOfDevice(device), device.uuid);
    return Object.keys(sample).length > 5 || JSON.stringify(sample);
  },

  "bytes come back as they went, over the bus, over the card and through a file": async ({ device, simulated }) =>
    await within(device, async (context) => {
      const bytes = simulated ? 1_000_003 : 256 * 2 ** 20 + 3;
      const data = noise(bytes, 7);
      const folder = mkdtempSync(join(tmpdir(), "vrx-gpu-"));
      const [a, b] = [context.alloc(bytes), context.alloc(bytes)];
      try {
        await a.copyFrom(data);
        b.copyFromBuffer(a);
        const back = new Uint8Array(bytes);
        await b.copyTo(back);
        if (!same(back, data)) return "the bytes differ after a copy on the card";
        writeFileSync(join(folder, "data"), data);
        await a.copyFrom(join(folder, "data"));
        await a.copyTo(join(folder, "back"));
        return same(readFileSync(join(folder, "back")), data) || "the bytes differ after a way through files";
      } finally {
        for (const buffer of [a, b]) buffer.dispose();
        rmSync(folder, { recursive: true });
      }
    }),

  "more memory than there is is an error, and the context goes on": async ({ device }) =>
    await within(device, async (context) => {
      try {
        context.alloc(2 * device.total_bytes).dispose();
        return "twice the memory of the device was allocated";
      } catch (error) {
        if (!isCudaError(error) || error.code !== "out_of_memory") return String(error);
      }
      const buffer = context.alloc(16);
      buffer.fill(3);
      const back = new Uint8Array(16);
      buffer.copyToSync(back);
      buffer.dispose();
      return back.every((byte) => byte === 3);
    }),

  "the digest of bytes on the device is that of the host, for any range and salt": async ({ device, simulated }) =>
    await within(device, async (context) => {
      const most = simulated ? 700_000 : 300_000_000;
      const data = noise(most, 11);
      const buffer = context.alloc(most);
      const hasher = await openTreeHasher(context);
      try {
        await buffer.copyFrom(data);
        const ranges = [0, 1, 4095, 4096, 4097, 524288, 524289, Math.floor(most / 2), most].map((bytes, i) => ({
          offset: Math.min([0, 16, 4, 1][i % 4], most - bytes),
          bytes,
        }));
        for (const salt of [new Uint8Array(), noise(32, 3), noise(5, 4)]) {
          const found = await hasher.hashRanges(buffer, ranges, { salt });
          for (const [i, { offset, bytes }] of ranges.entries()) {
            const expected = await hashViewTree(data.subarray(offset, offset + bytes), { salt });
            if (found[i].digest !== expected.digest) return `${bytes} bytes at ${offset}: another digest`;
          }
        }
        return true;
      } finally {
        for (const each of [hasher, buffer]) each.dispose();
      }
    }),

  "the driver compiles the PTX image, and it gives the same digest": onHardware(
    async ({ device }) =>
      await within(device, async (context) => {
        const data = noise(5_000_000, 13);
        const image = readFileSync(new URL("kernels/images/tree_hash/compute_75.ptx", root));
        const hasher = new TreeHasher(context, await context.loadModule(image, "PTX"), 2 ** 20);
        const buffer = context.alloc(data.byteLength);
        try {
          await buffer.copyFrom(data);
          const [found, expected] = [await hasher.hash(buffer), await hashViewTree(data)];
          return found.digest === expected.digest || `expected ${expected.digest}, found ${found.digest}`;
        } finally {
          for (const each of [hasher, buffer]) each.dispose();
        }
      }),
  ),

  "a flipped bit changes the digest, and its block is found": async ({ device }) =>
    await within(device, async (context) => {
      const bytes = 400_000;
      const buffer = context.alloc(bytes);
      const [before, after] = [context.alloc(98 * 32), context.alloc(98 * 32)];
      const hasher = await openTreeHasher(context);
      try {
        buffer.fill(0x55);
        await hasher.hashAllBlocks(buffer, before);
        buffer.copyFromSync(new Uint8Array([0x54]), { offset: 77 * 4096 + 9 });
        await hasher.hashAllBlocks(buffer, after);
        const first = await hasher.firstDifference(before, after, 98);
        return first === 77 || `expected block 77, found ${first}`;
      } finally {
        for (const each of [hasher, buffer, before, after]) each.dispose();
      }
    }),

  "every module of kernels loads": async ({ device }) =>
    await within(device, async (context) => {
      for (const module of ["tree_hash", "ceilings"])
        (await loadPackagedKernels(context, kernelFolders(root), module)).dispose();
      return true;
    }),
};

/** The integer operations that a compression of SHA-256 takes at least; see docs/native-tree-hash.md. */
const OPERATIONS_PER_BLOCK = 64 * 14 + 48 * 10;

export async function* figures({ device, simulated }) {
  const ceilings = await measureCeilings(device);
  if (!simulated) {
    await storeCeilings(ceilings);
    if ((await readCeilings(ceilings.gpu_uuid, ceilings.driver)) === null) throw new Error("ceilings are not kept");
  }
  const units = { "B/s": [1e9, "GB/s"], "op/s": [1e12, "Top/s"], "FLOP/s": [1e12, "TFLOP/s"] };
  const { ceilingUnits } = await import("@vrx/native-cuda");
  for (const [name, { value, why }] of Object.entries(ceilings.figures)) {
    const [scale, unit] = units[ceilingUnits[name]];
    yield { name: `ceiling, ${name}`, value: value === null ? null : value / scale, unit, why };
  }
  yield* hashFigures(device, simulated, ceilings);
}

async function* hashFigures(device, simulated, ceilings) {
  const context = await device.openContext();
  const { free_bytes } = context.memoryInfo();
  const bytes = simulated ? 2 ** 20 : Math.min(16 * 2 ** 30, Math.floor(free_bytes / 2 / 4096) * 4096);
  const buffer = context.alloc(bytes);
  const hasher = await openTreeHasher(context);
  try {
    buffer.fill(0x3c);
    await context.synchronize();
    let best_s = Infinity;
    for (let round = 0; round < (simulated ? 1 : 6); round++) {
      const begin = performance.now();
      await hasher.hash(buffer);
      best_s = Math.min(best_s, (performance.now() - begin) / 1000);
    }
    const rate = bytes / best_s / 1e9;
    const { sha256, integer_logic, integer_shift, integer_add } = ceilings.figures;
    yield {
      name: `tree hash of ${bytes} bytes`,
      value: rate,
      unit: "GB/s",
      aim: 300,
      of: { name: "SHA-256 in registers", value: sha256.value / 1e9 },
    };
    const slowest = Math.min(integer_logic.value, integer_shift.value, integer_add.value);
    const floor = ((slowest / OPERATIONS_PER_BLOCK) * 64) / 1e9;
    yield {
      name: "tree hash, against the integer units",
      value: rate,
      unit: "GB/s",
      aim: 0.6 * floor,
      of: { name: "the integer ceiling", value: floor },
    };
    const data = noise(simulated ? 2 ** 20 : 2 ** 30, 5);
    const begin = performance.now();
    await hashViewTree(data);
    yield {
      name: "tree hash on the host, all cores",
      value: data.byteLength / (performance.now() - begin) / 1e6,
      unit: "GB/s",
    };
  } finally {
    for (const each of [hasher, buffer, context]) each.dispose();
  }
}
