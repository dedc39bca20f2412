import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type TreeRange, planTrees } from "../src/tree-hash-plan.js";
import { expectedTree, someBytes } from "./tree-data.js";

/** Does what the kernel does with a plan. */
function execute(data: Uint8Array, ranges: readonly TreeRange[], piece_blocks: number): string[] {
  const plan = planTrees(ranges, piece_blocks);
  const scratch = new Uint8Array(plan.scratch_bytes).fill(0xa7);
  for (const { launches } of plan.steps) {
    for (const { source, first, entries, blocks } of launches) {
      let done = 0;
      for (let entry = first; entry < first + entries; entry += 1) {
        const [offset, bytes, first_leaf, digests] = [...plan.table.subarray(4 * entry, 4 * entry + 4)].map(Number);
        expect(first_leaf).toBe(done);
        expect(digests! % 32).toBe(0);
        const from = source === "data" ? data : scratch;
        for (let at = 0; at < bytes!; at += 4096, done += 1) {
          const block = new Uint8Array(4096);
          block.set(from.subarray(offset! + at, offset! + Math.min(bytes!, at + 4096)));
          scratch.set(createHash("sha256").update(block).digest(), digests! + 32 * (at / 4096));
        }
      }
      expect(blocks).toBe(done);
    }
  }
  return plan.roots.map((at) =>
    Buffer.from(at < 0 ? new Uint8Array(32) : scratch.subarray(at, at + 32)).toString("hex"),
  );
}

const data = someBytes(3_000_000);

it("plans launches that make the trees of any ranges, whatever the size of a piece", () => {
  const range = fc
    .tuple(fc.nat(2_999_999), fc.oneof(fc.nat(9000), fc.constantFrom(0, 1, 4096, 4097, 524288, 524289, 2_500_000)))
    .map(([offset, bytes]) => ({ offset, bytes: Math.min(bytes, data.byteLength - offset) }));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 6 }), fc.constantFrom(128, 256, 512, 1 << 20), (ranges, piece_blocks) => {
      const expected = ranges.map(({ offset, bytes }) => expectedTree(data.subarray(offset, offset + bytes)).root);
      expect(execute(data, ranges, piece_blocks)).toEqual(expected);
    }),
    { numRuns: 25 },
  );
});

it("needs little scratch memory for much data", () => {
  const { scratch_bytes, steps } = planTrees([{ offset: 0, bytes: 140e9 }], 2 ** 20);
  expect(scratch_bytes).toBeLessThan(48e6);
  expect(steps.length).toBeLessThan(40);
});
