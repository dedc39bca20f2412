import type { AxisBlock, Knobs } from "./sweep-document.js";

function* assignments(block: AxisBlock): Generator<Knobs, void, undefined> {
  if ("list" in block) {
    yield* block.list;
    return;
  }
  const axes = Object.entries("grid" in block ? block.grid : block.zip);
  if ("zip" in block) {
    const length = axes[0]?.[1].length ?? 0;
    for (let i = 0; i < length; i++) yield Object.fromEntries(axes.map(([name, values]) => [name, values[i] ?? 0]));
    return;
  }
  let products: Knobs[] = [{}];
  for (const [name, values] of axes) {
    products = products.flatMap((before) => values.map((value) => ({ ...before, [name]: value })));
  }
  yield* products;
}

function assignmentCount(block: AxisBlock): number {
  if ("list" in block) return block.list.length;
  if ("zip" in block) return Object.values(block.zip)[0]?.length ?? 0;
  return Object.values(block.grid).reduce((product, values) => product * values.length, 1);
}

/** How many combinations there are, without making them. */
export function combinationCount(blocks: readonly AxisBlock[]): number {
  return blocks.reduce((product, block) => product * assignmentCount(block), 1);
}

/** What each combination of axes says, in their order; later blocks win where two say the same. */
export function* combinations(blocks: readonly AxisBlock[]): Generator<Knobs, void, undefined> {
  const [first, ...rest] = blocks;
  if (first === undefined) {
    yield {};
    return;
  }
  const inner = [...combinations(rest)];
  for (const outer of assignments(first)) for (const one of inner) yield { ...outer, ...one };
}

/** The knobs that some axis sets. */
export function axisNames(blocks: readonly AxisBlock[]): readonly string[] {
  return blocks.flatMap((block) =>
    "list" in block
      ? block.list.flatMap((one) => Object.keys(one))
      : Object.keys("grid" in block ? block.grid : block.zip),
  );
}
